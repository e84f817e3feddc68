//! Asynchronous work: how long jobs run and how they end, the queue behind them and the workers on them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::instruments::{Counter, Gauge, Histogram};
use crate::memo::Memo;
use crate::{Recorder, names};

/// Measures one queue and its jobs. Clones record into the same series.
#[derive(Clone, Debug)]
pub struct JobInstrument(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    recorder: Recorder,
    queue: Box<str>,
    tasks: Memo<1, Arc<Task>>,
    length: Gauge,
    oldest_age: Gauge,
    busy: Gauge,
    workers: Gauge,
}

/// The series of one kind of job. All come with the first job, so that "no failures" is known and not a gap.
#[derive(Debug)]
struct Task {
    succeeded: Histogram,
    failed: Histogram,
    retries: Counter,
    dead: Counter,
    busy: Gauge,
}

impl JobInstrument {
    /// An instrument for the queue of this name.
    pub fn new(recorder: &Recorder, queue: &str) -> Self {
        let gauge = |name| recorder.gauge(name, &[(names::QUEUE, queue)]);
        let busy = gauge(names::WORKERS_BUSY);
        // Adding nothing gives the gauge its zero, and leaves it alone if a clone already counts.
        busy.add(0.0);
        Self(Arc::new(Shared {
            tasks: Memo::default(),
            length: gauge(names::QUEUE_LENGTH),
            oldest_age: gauge(names::QUEUE_OLDEST_AGE),
            busy,
            workers: gauge(names::WORKERS),
            recorder: recorder.clone(),
            queue: queue.into(),
        }))
    }

    /// Makes a task known before its first job, so that its series exist from now on.
    pub fn declare(&self, task: &str) {
        self.0.task(task);
    }

    /// Starts a job's time; one worker is busy until it ends. `task` names the kind of job, from a small set.
    pub fn job(&self, task: &str) -> JobTimer {
        let task = self.0.task(task);
        task.busy.add(1.0);
        JobTimer {
            task,
            start: Instant::now(),
            succeeded: false,
        }
    }

    /// A job was put back to be tried again.
    pub fn retried(&self, task: &str) {
        self.0.task(task).retries.inc();
    }

    /// A job was given up for good.
    pub fn dead(&self, task: &str) {
        self.0.task(task).dead.inc();
    }

    /// How many jobs wait to be started.
    pub fn set_length(&self, jobs: u64) {
        self.0.length.set(jobs as f64);
    }

    /// How long the oldest of them has waited; zero if none waits.
    pub fn set_oldest_age(&self, age: Duration) {
        self.0.oldest_age.set(age.as_secs_f64());
    }

    /// How many workers there are, busy or not.
    pub fn set_workers(&self, workers: u64) {
        self.0.workers.set(workers as f64);
    }
}

impl Shared {
    fn task(&self, task: &str) -> Arc<Task> {
        self.tasks.get([task], || {
            let labels = [(names::QUEUE, &*self.queue), (names::TASK, task)];
            let runs = |outcome| {
                let labels = [labels[0], labels[1], (names::OUTCOME, outcome)];
                self.recorder.histogram(names::JOB_RUN_DURATION, &labels)
            };
            Arc::new(Task {
                succeeded: runs("ok"),
                failed: runs("failed"),
                retries: self.recorder.counter(names::JOB_RETRIES, &labels),
                dead: self.recorder.counter(names::JOB_DEAD, &labels),
                busy: self.busy.clone(),
            })
        })
    }
}

/// The time of one running job. Dropped without a word it counts as failed: a job that panics or is cancelled did
/// not do its work.
#[derive(Debug)]
#[must_use = "the job ends when this is dropped"]
pub struct JobTimer {
    task: Arc<Task>,
    start: Instant,
    succeeded: bool,
}

impl JobTimer {
    /// The job succeeded.
    pub fn succeed(mut self) {
        self.succeeded = true;
    }

    /// The job failed.
    pub fn fail(self) {}

    /// The job ended with this.
    pub fn finish<T, E>(self, result: &Result<T, E>) {
        match result {
            Ok(_) => self.succeed(),
            Err(_) => self.fail(),
        }
    }
}

impl Drop for JobTimer {
    fn drop(&mut self) {
        let ended = if self.succeeded {
            &self.task.succeeded
        } else {
            &self.task.failed
        };
        ended.record(self.start.elapsed());
        self.task.busy.sub(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memo::tests::{count, number, recorder};

    #[test]
    fn every_job_ends_once() {
        let recorder = recorder();
        let jobs = JobInstrument::new(&recorder, "mail");
        let queue = (names::QUEUE, "mail");
        assert_eq!(number(&recorder.collect(0), names::WORKERS_BUSY, &[queue]), Some(0.0));
        jobs.job("send").succeed();
        jobs.job("send").finish(&Ok::<_, ()>(()));
        jobs.job("send").finish(&Err::<(), _>("bounced"));
        jobs.job("send").fail();
        drop(jobs.job("send"));
        let running = jobs.clone().job("send");
        let samples = recorder.collect(0);
        let ended = |outcome| {
            count(
                &samples,
                names::JOB_RUN_DURATION,
                &[queue, (names::TASK, "send"), (names::OUTCOME, outcome)],
            )
        };
        assert_eq!((ended("ok"), ended("failed")), (Some(2), Some(3)));
        assert_eq!(number(&samples, names::WORKERS_BUSY, &[queue]), Some(1.0));
        drop(running);
        assert_eq!(number(&recorder.collect(0), names::WORKERS_BUSY, &[queue]), Some(0.0));
    }

    #[test]
    fn a_declared_task_has_all_its_series() {
        let recorder = recorder();
        let jobs = JobInstrument::new(&recorder, "mail");
        jobs.declare("send");
        let labels = [(names::QUEUE, "mail"), (names::TASK, "send")];
        let samples = recorder.collect(0);
        for outcome in ["ok", "failed"] {
            let labels = [labels[0], labels[1], (names::OUTCOME, outcome)];
            assert_eq!(count(&samples, names::JOB_RUN_DURATION, &labels), Some(0));
        }
        jobs.retried("send");
        jobs.retried("send");
        jobs.dead("send");
        let samples = recorder.collect(0);
        assert_eq!(number(&samples, names::JOB_RETRIES, &labels), Some(2.0));
        assert_eq!(number(&samples, names::JOB_DEAD, &labels), Some(1.0));
    }

    #[test]
    fn the_queue_is_what_its_owner_says() {
        let recorder = recorder();
        let jobs = JobInstrument::new(&recorder, "mail");
        assert_eq!(number(&recorder.collect(0), names::QUEUE_LENGTH, &[]), None);
        jobs.set_length(12);
        jobs.set_oldest_age(Duration::from_millis(2_500));
        jobs.set_workers(4);
        let samples = recorder.collect(0);
        let value = |name| number(&samples, name, &[(names::QUEUE, "mail")]);
        let found = [names::QUEUE_LENGTH, names::QUEUE_OLDEST_AGE, names::WORKERS].map(value);
        assert_eq!(found, [Some(12.0), Some(2.5), Some(4.0)]);
    }
}
