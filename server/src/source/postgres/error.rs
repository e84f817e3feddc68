//! What goes wrong, in words for an operator. No text here holds a password or a statement's literals.

use keiki_model::text::Text;
use tokio_postgres::Error;
use tokio_postgres::error::{Severity, SqlState};

use crate::source::SourceError;

/// Why a part could not be read.
#[derive(Debug)]
pub(super) enum Failed {
    /// The server, or the way to it.
    Driver(Error),
    /// The server is well, and something that this part needs is missing. Says what to do.
    Missing(Text),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}

impl Failed {
    /// Whether the connection is of no more use.
    pub(super) fn is_fatal(&self) -> bool {
        match self {
            Self::Driver(error) => {
                error.is_closed()
                    || error.as_db_error().is_none_or(|error| {
                        let ends = matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
                        // What was prepared is gone: another session stands behind the connection.
                        ends || *error.code() == SqlState::INVALID_SQL_STATEMENT_NAME
                    })
            }
            Self::Missing(_) => false,
        }
    }

    pub(super) fn told(self, address: &str) -> SourceError {
        match self {
            Self::Driver(error) => told(&error, address),
            Self::Missing(what) => SourceError::Unavailable(what),
        }
    }
}

/// An error of the driver or of the server.
pub(super) fn told(error: &Error, address: &str) -> SourceError {
    let ((ja, en), said) = match error.as_db_error() {
        Some(answer) => (words(answer.code()), answer.message().to_owned()),
        // The driver's own text says at which step; its cause says why.
        None => {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            (("", ""), cause.unwrap_or_else(|| error.to_string()))
        }
    };
    SourceError::Unavailable(Text::of(
        format!("PostgreSQL（{address}）{ja}：{said}"),
        format!("PostgreSQL at {address}{en}: {said}"),
    ))
}

/// What a server's answer means.
fn words(code: &SqlState) -> (&'static str, &'static str) {
    if *code == SqlState::INVALID_PASSWORD || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        ("が Keiki のユーザーを拒否しました", " refuses Keiki's user")
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        ("に空いている接続がありません", " has no free connection")
    } else if *code == SqlState::CANNOT_CONNECT_NOW || *code == SqlState::ADMIN_SHUTDOWN {
        ("は起動中または停止中です", " is starting up or shutting down")
    } else if *code == SqlState::QUERY_CANCELED {
        ("の処理が制限時間を超えました", " took too long")
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        ("で Keiki のユーザーに権限がありません", " denies Keiki's user a right")
    } else {
        ("の応答", " says")
    }
}
