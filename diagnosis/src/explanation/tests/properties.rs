//! Whatever a device says, it is in exactly one class, and what is decided first stays decided.

use proptest::prelude::*;

use super::*;
use crate::explanation::{
    Arch, Failure, Obstacle, ObstacleKind, Outcome, Package, PackageName, Reason, Scan,
};
use crate::facts::updates::PackageState;

const NUMBERS: [u32; 6] = [
    9_000_008, 9_000_009, 5_054_156, 5_077_212, 5_077_181, 9_999_999,
];
const BUILDS: [u32; 8] = [22631, 22621, 26100, 26200, 26300, 20348, 9600, 31337];

fn time() -> impl Strategy<Value = Time> {
    (-400_i64..40).prop_map(|days| now().plus_days(days))
}

fn number() -> impl Strategy<Value = Kb> {
    proptest::sample::select(&NUMBERS[..]).prop_map(|n| Kb::of_number(n).expect("in range"))
}

fn state() -> impl Strategy<Value = PackageState> {
    use PackageState as S;
    proptest::sample::select(vec![
        S::Absent,
        S::UninstallPending,
        S::Staged,
        S::Superseded,
        S::InstallPending,
        S::PartiallyInstalled,
        S::Installed,
        S::Permanent,
        S::Unknown(None),
    ])
}

fn a_package() -> impl Strategy<Value = Package> {
    let name = prop_oneof![
        number().prop_map(PackageName::Update),
        (
            proptest::sample::select(&[22621_u32, 26100][..]),
            proptest::sample::select(&[8000_u32, 8100, 7781, 7840][..])
        )
            .prop_map(|(build, revision)| PackageName::Rollup(build, revision)),
    ];
    (name, state(), proptest::option::of(time())).prop_map(|(name, state, at)| Package {
        name,
        state,
        at,
    })
}

fn obstacle() -> impl Strategy<Value = Obstacle> {
    use ObstacleKind as K;
    let kind = proptest::sample::select(vec![
        K::Paused,
        K::Deferred { days: 7 },
        K::Deferred { days: 900 },
        K::Held,
        K::WrongSource,
        K::Restart,
        K::Stopped,
    ]);
    (
        kind,
        any::<bool>(),
        any::<bool>(),
        proptest::option::of(time()),
    )
        .prop_map(|(kind, quality, feature, at)| Obstacle {
            kind,
            quality,
            feature,
            label: "x".to_owned(),
            at,
        })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let moment = || proptest::option::of(time());
    let failure = proptest::option::of((1_u16..9, moment()).prop_map(|(times, last_at)| Failure {
        code: "0x800F0922".to_owned(),
        times,
        last_at,
    }));
    (moment(), moment(), moment(), failure).prop_map(
        |(installed_at, removed_at, offered_at, failure)| Outcome {
            installed_at,
            titled: None,
            removed_at,
            offered_at,
            failure,
        },
    )
}

fn any_profile() -> impl Strategy<Value = Profile> {
    let identity = (
        proptest::option::of(proptest::sample::select(vec![
            DeviceKind::Client,
            DeviceKind::Server,
        ])),
        proptest::option::of(proptest::sample::select(&BUILDS[..])),
        proptest::option::of(proptest::sample::select(
            &[7781_u32, 7840, 8000, 8100, 9000, 0][..],
        )),
        proptest::option::of(proptest::sample::select(vec![Arch::X64, Arch::Arm64])),
        any::<bool>(),
        proptest::option::of(time()),
    );
    let told = (
        proptest::option::of(proptest::collection::vec(a_package(), 0..6)),
        proptest::collection::btree_map(number(), outcome(), 0..4),
        proptest::collection::vec(obstacle(), 0..4),
        prop_oneof![
            time().prop_map(Scan::At),
            Just(Scan::Never),
            Just(Scan::Unknown)
        ],
        any::<bool>(),
    );
    (identity, told).prop_map(|(identity, told)| {
        let (kind, build, ubr, arch, long_term, service_over_at) = identity;
        let (packages, outcomes, obstacles, scan, scan_is_stale) = told;
        Profile {
            kind,
            build,
            family: build.map(|build| Knowledge::built_in().package_build(build)),
            ubr,
            release: "Windows".to_owned(),
            arch,
            long_term,
            service_over_at,
            packages,
            outcomes: outcomes.into_iter().collect(),
            obstacles,
            scan,
            scan_is_stale,
            ..Profile::default()
        }
    })
}

fn question_text() -> impl Strategy<Value = String> {
    let kinds = proptest::sample::select(&["KB", "windows11.0-kb", "windows10.0-kb"][..]);
    (
        kinds,
        number(),
        proptest::sample::select(&["-x64.msu", "-arm64.msu"][..]),
    )
        .prop_map(|(kind, kb, end)| {
            let end = if kind == "KB" { "" } else { end };
            format!("{kind}{}{end}", kb.number())
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_fleet_adds_up_whatever_its_devices_say(profiles in proptest::collection::vec(any_profile(), 1..20), text in question_text()) {
        let learned = learned();
        let (kb, file) = Question::understand(&text).expect("an update");
        let known = Known { knowledge: Knowledge::built_in(), learned: &learned };
        let question = Question::new(known, kb, file);
        let mut counts = std::collections::BTreeMap::new();
        for profile in &profiles {
            *counts.entry(explain(&question, profile, now()).class()).or_insert(0) += 1;
        }
        prop_assert_eq!(counts.values().sum::<usize>(), profiles.len());
    }

    #[test]
    fn what_decides_is_not_among_the_rest_and_never_a_mere_memory(profile in any_profile(), text in question_text()) {
        asked(&text, &learned(), &profile, |explanation| {
            assert!(!explanation.rest.contains(&explanation.decisive));
            let memory = matches!(explanation.decisive, Reason::Removed { .. } | Reason::NotThere { .. } | Reason::Deferred { until: None, .. });
            assert!(!memory, "{explanation:?}");
            for reason in std::iter::once(&explanation.decisive).chain(&explanation.rest) {
                assert!(reason.sentence(Knowledge::built_in()).ends_with('.'));
            }
        });
    }

    #[test]
    fn the_build_decides_before_anything_else(profile in any_profile(), text in question_text()) {
        asked(&text, &learned(), &profile, |explanation| {
            if profile.family == Some(22621) && profile.kind == Some(DeviceKind::Client) && text == "KB9000009" {
                match profile.ubr {
                    Some(8100) => assert_eq!(explanation.class(), Class::Installed),
                    Some(revision) if revision > 8100 => assert_eq!(explanation.class(), Class::Superseded),
                    Some(_) => assert!(!explanation.class().is_done(), "{explanation:?}"),
                    None => {}
                }
            }
        });
    }

    #[test]
    fn obstacles_make_no_difference_where_the_update_is_done_or_elsewhere(profile in any_profile(), text in question_text()) {
        let free = Profile { obstacles: Vec::new(), ..profile.clone() };
        let class = class_on(&text, &learned(), &profile);
        let without = class_on(&text, &learned(), &free);
        if class.is_done() || class.is_elsewhere() || class == Class::PrerequisiteMissing {
            prop_assert_eq!(class, without);
        }
        if without.is_done() || without.is_elsewhere() {
            prop_assert_eq!(class, without);
        }
    }
}
