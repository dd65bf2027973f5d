//! Records to write, and a way to compare what was read.

use std::fmt::Write as _;

use renewd_core::{
    Access, AccessKey, AsClass, AssertionClaims, AttemptId, Boot, BootId, Budget, Evidence, GrantMaterial,
    GrantType, Identity, Intent, JwtBearer, LastAttempt, NotBefore, Now, Orphaned, Owner, Record,
    RecordState, RefusedCause, Registration, RtExpiry, Secret, Settings, SigningKey, Span, Stamp,
    TokenExchange, TokenSource, Verdict, Wall, Window,
};

/// A login with one refresh token and one access token.
pub(crate) fn login(epoch: u64, refresh_token: &str) -> Record {
    let identity = Identity {
        token_endpoint: "https://as.example/token".into(),
        client_id: "client".into(),
        profile: "generic".into(),
        ..Identity::default()
    };
    let access = Access {
        key: AccessKey::default(),
        token: Secret::from(format!("at-for-{refresh_token}")),
        token_type: "Bearer".into(),
        issued: stamp(5),
        lifetime: Span::from_hours(1),
        lifetime_given: true,
        granted: None,
        brought_by: None,
    };
    let grant = GrantMaterial {
        refresh_token: Some(Secret::from(refresh_token)),
        access: vec![access],
        ..GrantMaterial::default()
    };
    let now = Now { boot: Boot::from_millis(5), wall: Wall::from_unix_millis(1_700_000_000_005) };
    Record::new(epoch, identity, Settings::default(), grant, now)
}

/// A record with every field set, to values that differ from each other and from the defaults.
pub(crate) fn full() -> Record {
    let mut record = login(3, "rt-\u{1F600}-\"quoted\"\\");
    record.generation = 41;
    record.state = RecordState::Refused { cause: RefusedCause::Ceiling, at: Wall::from_unix_millis(-7) };
    record.identity = Identity {
        issuer: Some("https://as.example".into()),
        token_endpoint: "https://as.example/token".into(),
        revocation_endpoint: Some("https://as.example/revoke".into()),
        client_id: "client".into(),
        resource: Some("https://api.example".into()),
        profile: "github".into(),
    };
    record.settings = Settings {
        client_auth: Some("basic".into()),
        client_secret: Some(Secret::new(vec![0, 255, 10, 34])),
        scope: Some("a b".into()),
        as_class: Some(AsClass::P3),
        grace: Some(Span::from_millis(1234)),
        grant_type: GrantType::TokenExchange(TokenExchange {
            subject: TokenSource::File("/run/token".into()),
            subject_type: "urn:example:subject".into(),
            actor: Some((TokenSource::Kept(Secret::from("actor")), "urn:example:actor".into())),
            requested_type: Some("urn:example:requested".into()),
        }),
        audience: Some("api".into()),
        client_key: Some(signing_key("client key")),
        dpop_key: Some(Secret::from("dpop key")),
        registration: Some(Registration {
            endpoint: "https://as.example/register".into(),
            at: Wall::from_unix_millis(21),
            secret_expires: Some(Wall::from_unix_millis(22)),
            client_uri: Some("https://as.example/register/1".into()),
            access_token: Some(Secret::from("registration")),
        }),
    };
    record.grant.rt_expiry = Some(RtExpiry { issued: stamp(11), lifetime: Span::from_hours(720) });
    record.grant.id_token = Some(Secret::from("id.token.x"));
    record.grant.access.push(Access {
        key: AccessKey {
            scope: Some("c".into()),
            resource: Some("https://other.example".into()),
            audience: Some("other".into()),
        },
        token: Secret::from("at-2"),
        token_type: "DPoP".into(),
        issued: stamp(12),
        lifetime: Span::from_secs(20),
        lifetime_given: false,
        granted: Some("c-".into()),
        brought_by: Some(40),
    });
    record.intent = Some(Intent {
        attempt: AttemptId(u128::MAX - 1),
        generation: 41,
        owner: Owner { host: "h".into(), boot_id: BootId(77), pid: 4321, start_time: 99 },
        marked: stamp(13),
        settled: true,
        doubt: true,
        orphaned: Some(Orphaned { boot_id: BootId(78), boot: Boot::from_millis(14) }),
    });
    record.window = Some(Window {
        accumulated: Span::from_millis(15),
        counted: stamp(16),
        since: Wall::from_unix_millis(17),
        attempts: 18,
        last_attempt_at: stamp(19),
        client_refused: true,
    });
    record.budget = Some(Budget { left: 6, since: stamp(20) });
    record.last_refresh = Some(stamp(21));
    record.not_before = Some(NotBefore { from: stamp(22), wait: Span::from_millis(23) });
    record.max_wall_seen = Wall::from_unix_millis(24);
    record.last_attempt = Some(LastAttempt {
        at: Wall::from_unix_millis(25),
        verdict: Verdict::RateLimited,
        evidence: Evidence {
            http_status: Some(429),
            content_type: Some("text/html".into()),
            oauth_error: Some("slow_down".into()),
            message: Some("HTTP 429 text/html".into()),
            rule: "too-many-requests".into(),
        },
    });
    record.rejections = 26;
    record.previous_digest = Some([27; 32]);
    record.format = record.layout();
    record
}

/// Everything that a record holds, secrets included: for comparing in tests only.
pub(crate) fn described(record: &Record) -> String {
    let Record {
        format,
        epoch,
        generation,
        state,
        identity,
        settings,
        grant,
        intent,
        window,
        budget,
        last_refresh,
        not_before,
        max_wall_seen,
        last_attempt,
        rejections,
        previous_digest,
    } = record;
    let mut out = format!(
        "{format} {epoch} {generation} {state:?} {identity:?} {intent:?} {window:?} {budget:?} {last_refresh:?} \
         {not_before:?} {max_wall_seen:?} {last_attempt:?} {rejections} {previous_digest:?}"
    );
    let Settings {
        client_auth,
        client_secret,
        scope,
        as_class,
        grace,
        grant_type,
        audience,
        client_key,
        dpop_key,
        registration,
    } = settings;
    let secret = |secret: &Option<Secret>| secret.as_ref().map(|s| s.expose().to_vec());
    let _ = write!(out, " {client_auth:?} {:?} {scope:?} {as_class:?} {grace:?}", secret(client_secret));
    let _ = write!(out, " {} {audience:?} {:?}", grant_type_text(grant_type), secret(dpop_key));
    let _ = write!(out, " {:?}", client_key.as_ref().map(key_text));
    if let Some(Registration { endpoint, at, secret_expires, client_uri, access_token }) = registration {
        let _ =
            write!(out, " {endpoint} {at:?} {secret_expires:?} {client_uri:?} {:?}", secret(access_token));
    }
    let GrantMaterial { refresh_token, rt_expiry, id_token, access } = grant;
    let _ = write!(out, " {:?} {rt_expiry:?} {:?}", secret(refresh_token), secret(id_token));
    for Access { key, token, token_type, issued, lifetime, lifetime_given, granted, brought_by } in access {
        let _ = write!(
            out,
            " [{key:?} {:?} {token_type} {issued:?} {lifetime:?} {lifetime_given} {granted:?} {brought_by:?}]",
            token.expose()
        );
    }
    out
}

fn stamp(n: u64) -> Stamp {
    Stamp {
        boot_id: BootId(u128::from(n) << 64),
        boot: Boot::from_millis(n),
        wall: Wall::from_unix_millis(1_700_000_000_000 + i64::try_from(n).unwrap()),
    }
}

pub(crate) fn signing_key(material: &str) -> SigningKey {
    SigningKey {
        material: Secret::from(material),
        key_id: Some(format!("id of {material}")),
        algorithm: Some("ES256".into()),
    }
}

fn key_text(SigningKey { material, key_id, algorithm }: &SigningKey) -> String {
    format!("{:?} {key_id:?} {algorithm:?}", material.expose())
}

fn source_text(source: &TokenSource) -> String {
    match source {
        TokenSource::File(path) => format!("file {path}"),
        TokenSource::Kept(token) => format!("kept {:?}", token.expose()),
        _ => panic!("a source that this text does not know"),
    }
}

fn grant_type_text(grant_type: &GrantType) -> String {
    let parts = match grant_type {
        GrantType::TokenExchange(TokenExchange { subject, subject_type, actor, requested_type }) => {
            let actor = actor.as_ref().map(|(source, kind)| (source_text(source), kind));
            format!("{} {subject_type} {actor:?} {requested_type:?}", source_text(subject))
        }
        GrantType::JwtBearer(JwtBearer::Given(source)) => source_text(source),
        GrantType::JwtBearer(JwtBearer::Signed(claims)) => {
            let AssertionClaims { key, issuer, subject, audience, claims, lifetime } = claims;
            format!("{} {issuer} {subject:?} {audience} {claims:?} {lifetime:?}", key_text(key))
        }
        _ => String::new(),
    };
    format!("{} {parts}", grant_type.name())
}
