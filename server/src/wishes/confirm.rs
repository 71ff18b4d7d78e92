//! Confirming what most devices use: the provisional sources become wishes, so that later machines are measured against them, and not
//! they against later machines. Pure.

use sickbay_diagnosis::context::{FleetContext, Sources};
use sickbay_diagnosis::expectation::{
    DeviceScope, ExpectedSource, ScopedWish, UpdateClass, Wanted, Wishes,
};
use sickbay_diagnosis::knowledge::DeviceKind;

use super::{of_kind, provisional};

/// The provisional sources of the scope at `place` of the wishes in force, of those classes of which neither it nor the whole fleet says
/// anything.
pub fn of_scope(in_force: &Wishes, fleet: &FleetContext, place: usize) -> Sources {
    let majorities = fleet.scope_sources.get(place).and_then(Option::as_ref);
    let (Some(scope), Some(majorities)) = (in_force.scopes.get(place), majorities) else {
        return [const { None }; 4];
    };
    UpdateClass::ALL.map(|class| {
        let said = scope.wanted.source(class).or(in_force.fleet.source(class));
        majorities[class as usize]
            .clone()
            .filter(|_| said.is_none())
    })
}

/// The stored wishes with every provisional source adopted: for the whole fleet where clients and servers agree, else for each by a
/// scope of its own, and for scopes that have a majority of their own.
///
/// `in_force` are the stored wishes with those of the settings file behind them, and `fleet` knows the majorities of its scopes.
pub fn adopt(stored: &Wishes, in_force: &Wishes, fleet: &FleetContext) -> Wishes {
    let mut new = stored.clone();
    for (place, scope) in new.scopes.iter_mut().enumerate() {
        let sources = of_scope(in_force, fleet, place);
        for (class, source) in UpdateClass::ALL.into_iter().zip(sources) {
            if source.is_some() {
                *source_of(&mut scope.wanted, class) = source;
            }
        }
    }
    let clients = provisional(in_force, fleet, DeviceKind::Client);
    let servers = provisional(in_force, fleet, DeviceKind::Server);
    for ((class, client), server) in UpdateClass::ALL.into_iter().zip(clients).zip(servers) {
        if client.is_some() && client == server {
            *source_of(&mut new.fleet, class) = client;
            continue;
        }
        for (kind, source) in [(DeviceKind::Client, client), (DeviceKind::Server, server)] {
            if source.is_some() {
                let scope = scope_of(&mut new, kind);
                source_of(&mut scope.wanted, class).clone_from(&source);
            }
        }
    }
    new
}

/// The stored scope of exactly the devices of a kind, made where there is none.
fn scope_of(wishes: &mut Wishes, kind: DeviceKind) -> &mut ScopedWish {
    let filter = of_kind(kind);
    let found = wishes
        .scopes
        .iter()
        .position(|s| *s.scope.filter() == filter);
    let place = found.unwrap_or_else(|| {
        let name = match kind {
            DeviceKind::Client => "Clients",
            DeviceKind::Server => "Servers",
        };
        wishes.scopes.push(ScopedWish {
            name: name.to_owned(),
            scope: DeviceScope::parse(&filter.to_string()).expect("a kind is no finding"),
            wanted: Wanted::default(),
        });
        wishes.scopes.len() - 1
    });
    &mut wishes.scopes[place]
}

fn source_of(wanted: &mut Wanted, class: UpdateClass) -> &mut Option<ExpectedSource> {
    match class {
        UpdateClass::Quality => &mut wanted.quality_source,
        UpdateClass::Feature => &mut wanted.feature_source,
        UpdateClass::Driver => &mut wanted.driver_source,
        UpdateClass::Other => &mut wanted.other_source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wishes::{check, decides};
    use sickbay_diagnosis::expectation::UpdateSource;

    fn source(source: UpdateSource) -> ExpectedSource {
        ExpectedSource {
            source,
            server: None,
        }
    }

    fn fleet() -> FleetContext {
        let wu = || Some(source(UpdateSource::WindowsUpdate));
        FleetContext {
            client_sources: [wu(), wu(), wu(), None],
            server_sources: [wu(), Some(source(UpdateSource::Wsus)), None, None],
            ..FleetContext::default()
        }
    }

    #[test]
    fn what_clients_and_servers_agree_on_is_wished_of_the_fleet_and_the_rest_of_each() {
        let nothing = Wishes::default();
        let new = adopt(&nothing, &nothing, &fleet());
        assert!(check(&new).is_ok());
        assert_eq!(
            new.fleet.quality_source,
            Some(source(UpdateSource::WindowsUpdate))
        );
        assert_eq!(new.fleet.feature_source, None);
        let scopes: Vec<(String, String)> = new
            .scopes
            .iter()
            .map(|s| (s.name.clone(), s.scope.to_string()))
            .collect();
        let expected = [("Clients", "kind:client"), ("Servers", "kind:server")];
        assert_eq!(scopes, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert_eq!(
            new.scopes[0].wanted.driver_source,
            Some(source(UpdateSource::WindowsUpdate))
        );
        assert_eq!(
            new.scopes[1].wanted.feature_source,
            Some(source(UpdateSource::Wsus))
        );
        // Nobody is asked again, and confirming again changes nothing.
        assert!(decides(&new, DeviceKind::Client, UpdateClass::Driver));
        for kind in [DeviceKind::Client, DeviceKind::Server] {
            assert_eq!(provisional(&new, &fleet(), kind), [const { None }; 4]);
        }
        assert_eq!(adopt(&new, &new, &fleet()), new);
    }

    #[test]
    fn a_scope_with_a_majority_of_its_own_keeps_it() {
        let stored = Wishes {
            scopes: vec![ScopedWish {
                name: "Kiosks".to_owned(),
                scope: DeviceScope::parse("tag:kiosk").expect("a scope"),
                wanted: Wanted::default(),
            }],
            fleet: Wanted::default(),
        };
        let mut fleet = fleet();
        fleet.scope_sources = vec![Some([Some(source(UpdateSource::Wsus)), None, None, None])];
        let new = adopt(&stored, &stored, &fleet);
        assert_eq!(
            new.scopes[0].wanted.quality_source,
            Some(source(UpdateSource::Wsus))
        );
        assert_eq!(new.scopes[0].wanted.feature_source, None);
        assert_eq!(
            new.fleet.quality_source,
            Some(source(UpdateSource::WindowsUpdate))
        );
    }
}
