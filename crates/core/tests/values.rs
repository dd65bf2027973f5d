//! The plain values of the interface: spans and clocks, classes of servers, the budget, a tombstone.

use std::time::Duration;

use renewd_core::{
    AsClass, AttemptId, Boot, BootId, Budget, GrantMaterial, GrantType, Identity, Now, Profile,
    RECORD_FORMAT, Record, RecordState, Registration, RetryPolicy, Secret, Settings, Span, Wall,
};

fn now(millis: u64) -> Now {
    Now { boot: Boot::from_millis(millis), wall: Wall::from_unix_millis(1_000_000 + millis as i64) }
}

#[test]
fn a_span_is_whole_seconds_rounded_down_or_up() {
    let span = Span::from_millis(2_500);
    assert_eq!((span.as_secs(), span.as_secs_ceil()), (2, 3));
    assert_eq!((Span::from_secs(61).as_secs(), Span::from_secs(61).as_secs_ceil()), (61, 61));
    assert_eq!((Span::ZERO.as_secs(), Span::ZERO.as_secs_ceil()), (0, 0));
}

#[test]
fn a_span_is_a_duration_and_back() {
    let duration = Duration::from_millis(90_061);
    assert_eq!(Span::from(duration), Span::from_millis(90_061));
    assert_eq!(Duration::from(Span::from_millis(90_061)), duration);
    assert_eq!(Span::from(Duration::MAX), Span::from_millis(u64::MAX));
}

#[test]
fn a_part_of_a_span_is_rounded_down_and_never_wraps() {
    let most = Span::from_millis(u64::MAX);
    assert_eq!(Span::from_millis(7).fraction(1, 2), Span::from_millis(3));
    assert_eq!(most.fraction(1, 1), most);
    assert_eq!(most.fraction(3, 2), most);
    assert_eq!(most.fraction(1, 0), Span::ZERO);
}

#[test]
fn the_clocks_tell_how_long_ago_and_what_time_it_will_be() {
    assert_eq!(Boot::from_millis(1_234).as_millis(), 1_234);
    let (early, late) = (Wall::from_unix_millis(10), Wall::from_unix_millis(25));
    assert_eq!(late.since(early), Span::from_millis(15));
    assert_eq!(early.since(late), Span::ZERO);
    let at = now(5_000);
    assert_eq!(at.wall_at(Boot::from_millis(7_000)), now(7_000).wall);
    assert_eq!(at.wall_at(Boot::from_millis(4_000)), now(4_000).wall);
    assert_eq!(at.wall_at(at.boot), at.wall);
}

#[test]
fn a_class_has_one_name_and_is_found_by_it_in_either_case() {
    let names = ["P0", "P1", "P2", "P3", "P4", "P5", "P6"];
    for name in names {
        let class = AsClass::from_name(name).unwrap();
        assert_eq!(class.name(), name);
        assert_eq!(AsClass::from_name(&name.to_lowercase()), Some(class));
    }
    assert_eq!(AsClass::from_name("P7"), None);
    assert_eq!(AsClass::from_name(""), None);
}

#[test]
fn a_server_of_which_nothing_is_known_is_strict_and_gives_no_grace() {
    let generic = Profile::generic();
    assert_eq!((&*generic.name, generic.as_class, generic.grace), ("generic", AsClass::P2, Span::ZERO));
}

#[test]
fn only_where_there_is_a_grace_is_settling_cut_to_half_of_it() {
    let settle = Span::from_secs(30);
    let profile = |as_class, secs| Profile {
        name: "p".into(),
        as_class,
        grace: Span::from_secs(secs),
        ..Profile::GENERIC
    };
    assert_eq!(profile(AsClass::P3, 20).settle(settle), Span::from_secs(10));
    assert_eq!(profile(AsClass::P3, 600).settle(settle), settle);
    assert_eq!(profile(AsClass::P3, 0).settle(settle), settle);
    assert_eq!(profile(AsClass::P2, 20).settle(settle), settle);
}

#[test]
fn the_rest_of_a_refill_is_kept_on_both_clocks() {
    let policy = RetryPolicy { budget: 10, budget_refill: Span::from_secs(60), ..RetryPolicy::default() };
    let (boot_id, cap) = (BootId(1), Span::from_mins(5));
    let mut budget = Budget::full(&policy, now(0), boot_id);
    for _ in 0..5 {
        budget = budget.charged();
    }
    let grown = budget.grown(&policy, now(90_000), boot_id, cap);
    assert_eq!(grown.left, 6);
    assert_eq!((grown.since.boot, grown.since.wall), (now(60_000).boot, now(60_000).wall));
    // Over a reboot the wall clock tells the same.
    let other = BootId(2);
    assert_eq!(grown.grown(&policy, now(130_000), other, cap).left, 7);
}

#[test]
fn a_tombstone_is_the_next_epoch_and_holds_no_secret() {
    let secret = || Secret::from("secret");
    let settings = Settings { client_secret: Some(secret()), ..Settings::default() };
    let grant = GrantMaterial { refresh_token: Some(secret()), ..GrantMaterial::default() };
    let identity = Identity { client_id: "c".into(), ..Identity::default() };
    let tombstone = Record::new(3, identity, settings, grant, now(0)).tombstone(now(7));
    assert_eq!(tombstone.version(), (4, 0));
    assert_eq!(tombstone.state, RecordState::Tombstone { at: now(7).wall });
    assert!(tombstone.settings.client_secret.is_none() && tombstone.grant.refresh_token.is_none());
    assert_eq!(tombstone.identity.client_id, "c");
}

#[test]
fn a_record_is_laid_out_in_the_first_way_until_that_cannot_say_all_of_it() {
    let with =
        |settings: Settings| Record::new(1, Identity::default(), settings, GrantMaterial::default(), now(0));
    let secret = || Some(Secret::from("secret"));
    let plain = with(Settings { client_secret: secret(), scope: Some("a".into()), ..Settings::default() });
    assert_eq!((plain.layout(), plain.format), (1, 1));
    for settings in [
        Settings { grant_type: GrantType::ClientCredentials, ..Settings::default() },
        Settings { dpop_key: secret(), ..Settings::default() },
        Settings { audience: Some("api".into()), ..Settings::default() },
        Settings { registration: Some(Registration::default()), ..Settings::default() },
    ] {
        let record = with(settings);
        assert_eq!((record.layout(), record.format), (RECORD_FORMAT, RECORD_FORMAT));
    }
    let bound = with(Settings { dpop_key: secret(), ..Settings::default() });
    assert_eq!(bound.tombstone(now(1)).layout(), 1, "what is forgotten needs no room");
}

#[test]
fn ids_are_shown_as_hexadecimal_digits() {
    assert!(format!("{:?}", AttemptId(0xabc)).contains("abc"));
    assert!(format!("{:?}", BootId(0xdef)).contains("def"));
}
