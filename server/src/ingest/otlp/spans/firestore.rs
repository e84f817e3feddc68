//! Firestore's client libraries: their spans have names and attributes of their own and are of every kind. An operation's
//! span holds those of the calls that it makes (`DocumentReference.Set`, and in it `Batch.Commit`); it counts once, as the
//! outermost of those that one request has.

use std::collections::HashSet;

use keiki_decode::otlp::{Scope, Span, StatusCode};

use super::{DATABASE, Spans, Staged, text};

/// A span's trace and its own id.
type Id = ([u8; 16], [u8; 8]);

/// The spans of a transaction as a whole, most of which is its service's own work. What it does has spans of its own.
const WHOLE: [&str; 2] = ["Transaction.Run", "RunTransaction"];

/// The operations that one request tells of.
#[derive(Default)]
pub(super) struct Operations {
    ids: HashSet<Id>,
    /// Each with the span that caused it.
    staged: Vec<(Option<Id>, Staged)>,
}

impl Operations {
    /// Those that are no part of another one.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Staged> + use<> {
        let Self { ids, staged } = std::mem::take(self);
        let outermost = move |(cause, staged): (Option<Id>, Staged)| {
            let is_part = cause.is_some_and(|cause| ids.contains(&cause));
            (!is_part).then_some(staged)
        };
        staged.into_iter().filter_map(outermost)
    }
}

/// Whether spans of this scope are Firestore's: `@google-cloud/firestore`, `com.google.cloud.firestore`.
pub(super) fn is_firestore(scope: &Scope<'_>) -> bool {
    scope.name.ends_with("google-cloud/firestore") || scope.name.ends_with("google.cloud.firestore")
}

impl Spans {
    pub(super) fn firestore(&mut self, span: &Span<'_>) {
        if WHOLE.contains(&span.name) {
            return;
        }
        let attributes = &span.attributes;
        let namespace = text(
            attributes,
            &[
                "gcp.firestore.settings.database_id",
                "gcp.firestore.settings.databaseId",
            ],
        );
        let failed = span.status.code == StatusCode::Error;
        let summary = self.bounded("db_query_summary", span.name).to_owned();
        let labels = [
            ("db_system_name", "firestore"),
            ("db_query_summary", &*summary),
            ("db_namespace", namespace.as_deref().unwrap_or_default()),
            ("error_type", if failed { "error" } else { "" }),
        ];
        if let Some(staged) = self.stage(DATABASE, &labels, span) {
            let cause = span.parent_span_id.map(|parent| (span.trace_id, parent));
            self.operations.ids.insert((span.trace_id, span.span_id));
            self.operations.staged.push((cause, staged));
        }
    }
}
