//! A thread for a source whose reads can block: a hung read then costs one thread, never the runtime.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::Instant;

use keiki_model::series::Sample;
use keiki_model::text::Text;
use keiki_model::time::Millis;
use tokio::sync::oneshot;

use super::SourceError;

type Answer = Result<Vec<Sample>, SourceError>;

/// Runs one reader on a thread of its own, one reading at a time. The thread ends when this is dropped and its current
/// read returns; nobody waits for it.
pub(crate) struct OwnThread {
    ask: mpsc::Sender<Question>,
    /// The reading under way. It outlives a caller that gave up: the next caller awaits it rather than queue another.
    pending: Option<oneshot::Receiver<Answer>>,
}

struct Question {
    now: Millis,
    asked: Instant,
    reply: oneshot::Sender<Answer>,
}

impl OwnThread {
    /// Starts the thread. `read` gets the wall-clock time at which it is called.
    pub(crate) fn spawn(
        name: &str,
        mut read: impl FnMut(Millis) -> Answer + Send + 'static,
    ) -> Result<Self, SourceError> {
        let (ask, questions) = mpsc::channel::<Question>();
        let work = move || {
            while let Ok(Question { now, asked, reply }) = questions.recv() {
                let waited = Millis::try_from(asked.elapsed().as_millis()).unwrap_or_default();
                // A reader holds only earlier readings; the worst a panic leaves behind is one odd difference.
                let answer = catch_unwind(AssertUnwindSafe(|| read(now + waited)));
                let _ = reply.send(answer.unwrap_or_else(|payload| Err(SourceError::panicked(&*payload))));
            }
        };
        let spawned = std::thread::Builder::new().name(format!("source-{name}")).spawn(work);
        spawned.map_err(|error| SourceError::Io {
            what: format!("the thread of {name}"),
            error,
        })?;
        Ok(Self { ask, pending: None })
    }

    /// One reading. If an earlier caller gave up on one that is still under way, waits for that and returns its late
    /// samples, which carry their own times.
    pub(crate) async fn read(&mut self, now: Millis) -> Answer {
        let ended = || {
            SourceError::Unavailable(Text::new(
                "読み取りスレッドが終了しました",
                "the reader's thread has ended",
            ))
        };
        if self.pending.is_none() {
            let (reply, answer) = oneshot::channel();
            self.ask
                .send(Question {
                    now,
                    asked: Instant::now(),
                    reply,
                })
                .map_err(|_| ended())?;
            self.pending = Some(answer);
        }
        let answer = match &mut self.pending {
            Some(pending) => pending.await.unwrap_or_else(|_| Err(ended())),
            None => Err(ended()),
        };
        self.pending = None;
        answer
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_reading_that_was_given_up_is_not_started_twice() {
        let (release, gate) = mpsc::channel::<()>();
        let (count, counted) = mpsc::channel();
        let mut thread = OwnThread::spawn("test", move |now| {
            let _ = count.send(now);
            let _ = gate.recv();
            Ok(Vec::new())
        })
        .expect("a thread");
        assert!(thread.read(1_000).now_or_never().is_none(), "the reading hangs");
        assert!(thread.read(2_000).now_or_never().is_none(), "and is waited for again");
        drop(release);
        assert!(thread.read(3_000).await.expect("it ends at last").is_empty());
        thread.read(100_000).await.expect("and the next is new");
        drop(thread);
        let calls: Vec<Millis> = counted.iter().collect();
        assert_eq!(calls.len(), 2, "{calls:?}");
        assert!(calls[0] < 2_000 && calls[1] >= 100_000, "{calls:?}");
    }

    #[tokio::test]
    async fn a_panic_is_an_error_of_one_reading() {
        let mut first = true;
        let mut thread = OwnThread::spawn("test", move |_| {
            assert!(!std::mem::take(&mut first), "the first reading panics");
            Ok(Vec::new())
        })
        .expect("a thread");
        let error = thread.read(0).await.expect_err("a panic").to_string();
        assert_eq!(error, "the source failed inside: the first reading panics");
        assert!(thread.read(1_000).await.is_ok());
    }
}
