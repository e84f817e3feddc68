//! Which threshold of Apdex holds: the panels of users are made for each that is configured.

use std::collections::HashMap;

use keiki_model::group::{self, APDEX_SECONDS, Group};
use keiki_model::panel::Panel;
use keiki_model::view::Scope;

/// The users' panels with one threshold, and their card.
#[derive(Clone, Debug)]
struct Judged {
    seconds: f64,
    panels: Vec<Panel>,
    card: Panel,
}

/// The thresholds of Apdex.
#[derive(Clone, Debug, Default)]
pub struct Apdex {
    /// What holds where the services of a scope do not agree on another.
    usual: Option<Judged>,
    services: HashMap<String, Judged>,
}

impl Apdex {
    /// The threshold that holds as a rule, seconds, and those of services.
    pub fn new<'a>(usual: f64, services: impl IntoIterator<Item = (&'a str, f64)>) -> Self {
        let judged = |seconds: f64| {
            let (panels, card) = group::users_judged_by(seconds);
            Judged { seconds, panels, card }
        };
        Self {
            usual: (usual != APDEX_SECONDS).then(|| judged(usual)),
            services: services
                .into_iter()
                .map(|(name, seconds)| (name.to_owned(), judged(seconds)))
                .collect(),
        }
    }

    /// A panel of the catalogue as it is in a scope: services that all have one threshold of their own are judged by it, and
    /// any others together by the usual one.
    pub(super) fn in_force<'a>(&'a self, panel: &'a Panel, scope: &Scope) -> &'a Panel {
        if panel.spec.group != Group::Users.id() {
            return panel;
        }
        let own = || {
            let mut all = scope.services.iter().map(|service| self.services.get(service));
            let first = all.next()??;
            all.all(|other| other.is_some_and(|other| other.seconds == first.seconds))
                .then_some(first)
        };
        let Some(judged) = own().or(self.usual.as_ref()) else {
            return panel;
        };
        // The card has the id of the panel whose chart it shows.
        if std::ptr::eq(panel, Group::Users.card()) {
            return &judged.card;
        }
        let own = judged.panels.iter().find(|own| own.spec.id == panel.spec.id);
        own.unwrap_or(panel)
    }
}

#[cfg(test)]
mod tests {
    use keiki_model::text::Language;

    use super::*;

    #[test]
    fn the_services_of_a_scope_choose_the_threshold() {
        let apdex = Apdex::new(1.0, [("fast", 0.1), ("quick", 0.1), ("slow", 4.0)]);
        let panel = group::panel("users.apdex").expect("a panel");
        for (services, said) in [
            (&[][..], "within 1 s"),
            (&["fast"], "within 0.1 s"),
            (&["fast", "quick"], "within 0.1 s"),
            (&["fast", "slow"], "within 1 s"),
            (&["fast", "other"], "within 1 s"),
        ] {
            let scope = Scope {
                services: services.iter().map(|&service| service.to_owned()).collect(),
                ..Scope::default()
            };
            for of in [panel, Group::Users.card()] {
                let help = apdex.in_force(of, &scope).spec.help.get(Language::En).to_owned();
                assert!(help.contains(said), "{services:?}: {help}");
            }
            assert_eq!(
                apdex.in_force(Group::Users.card(), &scope).stats.len(),
                Group::Users.card().stats.len()
            );
        }
        let api = Group::Api.card();
        assert!(std::ptr::eq(apdex.in_force(api, &Scope::default()), api));
        let usual = Apdex::default();
        assert!(std::ptr::eq(usual.in_force(panel, &Scope::default()), panel));
    }
}
