//! What a posted change makes of the stored wishes. Pure.

use sickbay_diagnosis::context::FleetContext;
use sickbay_diagnosis::expectation::{ScopedWish, Wishes};
use sickbay_web::pages::expectations_preview::Change as Told;

use super::typed::{Mistakes, Typed};
use crate::wishes::confirm;

/// What a form is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The whole fleet.
    Fleet,
    /// A new scope.
    New,
    /// The scope at this place.
    Scope(usize),
}

impl Target {
    /// From the form's `place`.
    pub(super) fn of_place(place: &str) -> Option<Self> {
        match place {
            "new" | "" => Some(Self::New),
            place => place.parse().ok().map(Self::Scope),
        }
    }

    /// The form's `place`.
    pub(super) fn place(self) -> String {
        match self {
            Self::Fleet => String::new(),
            Self::New => "new".to_owned(),
            Self::Scope(place) => place.to_string(),
        }
    }
}

/// A change that a form asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// Other wishes for a target.
    Write(Target, Typed),
    /// The scope at this place is asked one earlier.
    Up(usize),
    /// The scope at this place is asked one later.
    Down(usize),
    /// The scope at this place goes.
    Remove(usize),
    /// The provisional sources become wishes.
    Confirm,
}

/// What comes of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    /// The wishes as they would be.
    pub(super) wishes: Wishes,
    /// The change, as pages tell it.
    pub(super) told: Told,
}

/// Why a change cannot be made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Something was typed that cannot be.
    Mistakes(Mistakes),
    /// There is no such scope.
    NoScope,
}

impl Change {
    /// The change that a form's fields ask for.
    pub(super) fn of_form(fields: &[(String, String)]) -> Option<Self> {
        let field = |name: &str| {
            let found = fields.iter().find(|(key, _)| key == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let place = || field("place").parse().ok();
        Some(match field("change") {
            "fleet" => Self::Write(Target::Fleet, Typed::of_form(fields)),
            "scope" => Self::Write(Target::of_place(field("place"))?, Typed::of_form(fields)),
            "up" => Self::Up(place()?),
            "down" => Self::Down(place()?),
            "remove" => Self::Remove(place()?),
            "confirm" => Self::Confirm,
            _ => return None,
        })
    }

    /// Makes it of the stored wishes.
    pub(super) fn make(
        &self,
        stored: &Wishes,
        in_force: &Wishes,
        fleet: &FleetContext,
    ) -> Result<Made, Refused> {
        let mut wishes = stored.clone();
        let told = match self {
            Self::Write(Target::Fleet, typed) => {
                wishes.fleet = typed.wanted().map_err(Refused::Mistakes)?;
                Told::Fleet
            }
            Self::Write(Target::New, typed) => {
                let scope = typed.scope().map_err(Refused::Mistakes)?;
                let name = scope.name.clone();
                wishes.scopes.push(scope);
                Told::NewScope { name }
            }
            Self::Write(Target::Scope(place), typed) => {
                let scope = typed.scope().map_err(Refused::Mistakes)?;
                let name = scope.name.clone();
                *at(&mut wishes, *place)? = scope;
                Told::Scope { name }
            }
            Self::Up(place) => {
                let before = place.checked_sub(1).ok_or(Refused::NoScope)?;
                let name = at(&mut wishes, *place)?.name.clone();
                wishes.scopes.swap(before, *place);
                Told::Earlier { name }
            }
            Self::Down(place) => {
                let name = at(&mut wishes, *place)?.name.clone();
                let after = place + 1;
                at(&mut wishes, after)?;
                wishes.scopes.swap(*place, after);
                Told::Later { name }
            }
            Self::Remove(place) => {
                let name = at(&mut wishes, *place)?.name.clone();
                wishes.scopes.remove(*place);
                Told::Removed { name }
            }
            Self::Confirm => {
                wishes = confirm::adopt(stored, in_force, fleet);
                Told::Confirmed
            }
        };
        Ok(Made { wishes, told })
    }
}

fn at(wishes: &mut Wishes, place: usize) -> Result<&mut ScopedWish, Refused> {
    wishes.scopes.get_mut(place).ok_or(Refused::NoScope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sickbay_diagnosis::expectation::{DeviceScope, Wanted};

    fn stored() -> Wishes {
        let scope = |name: &str| ScopedWish {
            name: name.to_owned(),
            scope: DeviceScope::parse("tag:a").expect("a scope"),
            wanted: Wanted::default(),
        };
        Wishes {
            scopes: vec![scope("A"), scope("B"), scope("C")],
            fleet: Wanted::default(),
        }
    }

    fn names(fields: &[(&str, &str)]) -> Result<String, Refused> {
        let owned: Vec<(String, String)> = fields
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        let change = Change::of_form(&owned).expect("a change");
        let made = change.make(&stored(), &stored(), &FleetContext::default())?;
        Ok(made.wishes.scopes.iter().map(|s| s.name.as_str()).collect())
    }

    #[test]
    fn scopes_move_and_go_and_stay_in_order() {
        let change = |change, place| names(&[("change", change), ("place", place)]);
        assert_eq!(change("up", "1"), Ok("BAC".to_owned()));
        assert_eq!(change("down", "1"), Ok("ACB".to_owned()));
        assert_eq!(change("remove", "0"), Ok("BC".to_owned()));
        for (word, place) in [("up", "0"), ("down", "2"), ("remove", "3"), ("up", "9")] {
            assert_eq!(change(word, place), Err(Refused::NoScope), "{word} {place}");
        }
        let edited = [
            ("change", "scope"),
            ("place", "1"),
            ("name", "X"),
            ("scope", "tag:x"),
        ];
        assert_eq!(names(&edited), Ok("AXC".to_owned()));
        let new = [
            ("change", "scope"),
            ("place", "new"),
            ("name", "X"),
            ("scope", "tag:x"),
        ];
        assert_eq!(names(&new), Ok("ABCX".to_owned()));
    }

    #[test]
    fn what_is_no_change_is_none() {
        for fields in [
            &[][..],
            &[("change", "explode")],
            &[("change", "up"), ("place", "x")],
        ] {
            let owned: Vec<(String, String)> = fields
                .iter()
                .map(|(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned()))
                .collect();
            assert_eq!(Change::of_form(&owned), None, "{fields:?}");
        }
    }
}
