//! Files as the programs write them, with made-up values, and files that are not.

use super::*;

const SECRET: &str = "1//rt-canary-51c39e";

fn failure(outcome: Result<Found, Failure>) -> Failure {
    let failure = outcome.err().expect("it was read");
    let text = format!("{} {:?}", failure.message, failure.advice);
    assert!(!text.contains("canary"), "{text}");
    failure
}

fn token(found: &Found) -> &str {
    found.refresh_token.as_ref().unwrap().expose_str().unwrap()
}

fn gcloud_user(more: &str) -> String {
    format!(
        r#"{{
  "account": "",
  "client_id": "764086051850-example.apps.googleusercontent.com",
  "client_secret": "d-canary-secret",
  "quota_project_id": "my-project",
  "refresh_token": "{SECRET}",
  "type": "authorized_user",
  "universe_domain": "googleapis.com"{more}
}}"#
    )
}

#[test]
fn gclouds_user_credentials_are_a_refresh_token_of_google() {
    let found = gcloud::read("adc.json", gcloud_user("").as_bytes(), &[]).ok().unwrap();
    assert_eq!(token(&found), SECRET);
    assert_eq!(found.client_id.as_deref(), Some("764086051850-example.apps.googleusercontent.com"));
    assert_eq!(found.profile.as_deref(), Some("google"));
    assert!(found.client_secret.unwrap().same_as(b"d-canary-secret"));
    assert!(found.grant_type.spends_refresh_token());
    assert!(found.remarks.iter().any(|remark| remark.contains("quota project")));
}

#[test]
fn a_service_account_is_a_key_that_signs_for_its_scope() {
    use renewd_core::JwtBearer;
    let account = r#"{
  "type": "service_account",
  "project_id": "my-project",
  "private_key_id": "0123456789abcdef",
  "private_key": "-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n",
  "client_email": "robot@my-project.iam.gserviceaccount.com",
  "client_id": "100000000000000000000",
  "auth_uri": "https://accounts.google.com/o/oauth2/auth",
  "token_uri": "https://oauth2.googleapis.com/token",
  "universe_domain": "googleapis.com"
}"#;
    for (given, scope) in [
        (vec![], "https://www.googleapis.com/auth/cloud-platform"),
        (vec!["a".to_owned(), "b".to_owned()], "a b"),
    ] {
        let found = gcloud::read("sa.json", account.as_bytes(), &given).ok().unwrap();
        assert!(found.refresh_token.is_none());
        assert_eq!(found.token_endpoint.as_deref(), Some("https://oauth2.googleapis.com/token"));
        let GrantType::JwtBearer(JwtBearer::Signed(claims)) = &found.grant_type else { panic!("no key") };
        assert_eq!(claims.issuer, "robot@my-project.iam.gserviceaccount.com");
        assert_eq!(claims.audience, "https://oauth2.googleapis.com/token");
        assert_eq!(claims.claims, [("scope".to_owned(), scope.to_owned())]);
        assert_eq!(claims.key.key_id.as_deref(), Some("0123456789abcdef"));
        assert!(claims.key.material.expose().starts_with(b"-----BEGIN PRIVATE KEY-----\n"));
    }
    let no_key = account.replace("-----BEGIN", "canary BEGIN");
    assert!(
        failure(gcloud::read("sa.json", no_key.as_bytes(), &[])).message.contains("private_key is no PEM")
    );
}

#[test]
fn a_bad_file_is_an_error_with_its_line_or_key_and_never_its_content() {
    for (text, words) in [
        ("", "sa.json: line 1, column 0"),
        ("{\n  \"type\": canary\n}", "sa.json: line 2, column"),
        ("[]", "a JSON object is needed"),
        ("{}", "type is missing"),
        (r#"{"type":"canary"}"#, "type is neither"),
        (r#"{"type":"external_account"}"#, "type is external_account"),
        (r#"{"type":"authorized_user","refresh_token":["canary"]}"#, "refresh_token is no text"),
        (r#"{"type":"authorized_user","client_id":"x"}"#, "refresh_token is missing"),
        (r#"{"type":"authorized_user","refresh_token":"canary"}"#, "client_id is missing"),
        (r#"{"type":"authorized_user","refresh_token":"canary\n2"}"#, "refresh_token has more than one line"),
        (r#"{"type":"authorized_user","universe_domain":"canary.example"}"#, "universe_domain is not"),
    ] {
        let failure = failure(gcloud::read("sa.json", text.as_bytes(), &[]));
        assert!(failure.message.contains(words), "{words:?} is missing in: {}", failure.message);
    }
}

#[test]
fn an_account_of_oidc_agent_is_read_as_it_prints_it() {
    // Version 4.2 prints these keys, in this order, with tabs.
    let printed = format!(
        "{{\n\t\"name\":\t\"egi\",\n\t\"client_name\":\t\"oidc-agent:egi-host\",\n\t\"issuer_url\":\t\"https://aai.example/auth/\",\n\t\
         \"device_authorization_endpoint\":\t\"https://aai.example/auth/device\",\n\t\"daeSetByUser\":\t0,\n\t\"client_id\":\t\"c-1\",\n\t\
         \"client_secret\":\t\"canary-secret\",\n\t\"refresh_token\":\t\"{SECRET}\",\n\t\"cert_path\":\t\"/etc/ssl/certs/ca-certificates.crt\",\n\t\
         \"scope\":\t\"openid offline_access\",\n\t\"audience\":\t\"\",\n\t\"redirect_uris\":\t[\"http://localhost:4242\"],\n\t\
         \"username\":\t\"\",\n\t\"password\":\t\"\"\n}}\n"
    );
    let found = oidc_agent::read("standard input", printed.as_bytes()).ok().unwrap();
    assert_eq!((token(&found), found.client_id.as_deref()), (SECRET, Some("c-1")));
    assert_eq!(found.issuer.as_deref(), Some("https://aai.example/auth/"));
    assert_eq!(found.audience, None);
    assert!(found.owner.stop.contains("oidc-add -r egi"));
    assert!(found.remarks.iter().any(|remark| remark.contains("ca_file")));
    let old = printed.replace("issuer_url", "issuer");
    assert_eq!(
        oidc_agent::read("-", old.as_bytes()).ok().unwrap().issuer.as_deref(),
        Some("https://aai.example/auth/")
    );
    let encrypted = failure(oidc_agent::read("egi", b"1234canary\n24\n16\n"));
    assert!(encrypted.advice.unwrap().contains("oidc-gen -p ACCOUNT |"));
    let none = printed.replace(SECRET, "");
    assert!(failure(oidc_agent::read("-", none.as_bytes())).message.contains("refresh_token is missing"));
}

const RCLONE: &str = r#"# a comment
[photos]
type = drive
client_id = own.apps.googleusercontent.com
client_secret = canary-secret
scope = drive
token = {"access_token":"ya29.canary","token_type":"Bearer","refresh_token":"1//rt-canary-51c39e","expiry":"2026-11-22T10:00:00.123456789Z"}

[crate]
type = box
token = {"access_token":"canary","token_type":"bearer","refresh_token":"1//rt-canary-51c39e","expiry":"2026-11-22T10:00:00Z"}

[disk]
type = local
"#;

#[test]
fn a_remote_of_rclone_is_read_by_its_name() {
    let read = |text: &str, entry| rclone::read("rclone.conf", text.as_bytes(), entry);
    let drive = read(RCLONE, Some("photos")).ok().unwrap();
    assert_eq!((token(&drive), drive.profile.as_deref()), (SECRET, Some("google")));
    assert_eq!(drive.client_id.as_deref(), Some("own.apps.googleusercontent.com"));
    let crate_ = read(RCLONE, Some("crate")).ok().unwrap();
    assert_eq!((crate_.profile.as_deref(), crate_.client_id.as_deref()), (Some("box"), None));
    assert!(crate_.remarks.iter().any(|remark| remark.contains("--client-id")));
    let which = failure(read(RCLONE, None));
    assert!(which.message.contains("photos, crate") && which.advice.unwrap().contains("--entry"));
    let absent = failure(read(RCLONE, Some("disk")));
    assert!(absent.message.contains("photos, crate"), "{}", absent.message);
    for (text, words) in [
        ("[a]\nnot a pair canary\n", "line 2: it is neither"),
        ("key = canary\n", "line 1: it stands before"),
        ("[a]\ntype = drive\ntoken = {canary\n", "line 3: [a] token: line 1, column"),
        ("[a]\ntoken = {\"access_token\":\"canary\"}\n", "[a] token: refresh_token is missing"),
        ("# Encrypted\nRCLONE_ENCRYPT_V0:\ncanary==\n", "it is encrypted"),
        ("[a]\ntype = local\n", "no remote in it has a token"),
    ] {
        let failure = failure(read(text, None));
        assert!(failure.message.contains(words), "{words:?} is missing in: {}", failure.message);
    }
    for (_, profile) in [("box", "box"), ("yandex", "yandex"), ("dropbox", "dropbox"), ("drive", "google")] {
        assert!(renewd_core::Profile::by_name(profile).is_some(), "{profile}");
    }
}

#[test]
fn a_user_of_a_kubeconfig_is_read_from_the_json_that_kubectl_prints() {
    let user = |name: &str, provider: &str| {
        format!(
            r#"{{"name":"{name}","user":{{"auth-provider":{{"name":"{provider}","config":{{"client-id":"kube","client-secret":"canary-secret","id-token":"canary.e30.x","idp-issuer-url":"https://dex.example/dex","refresh-token":"{SECRET}"}}}}}}}}"#
        )
    };
    let exec = r#"{"name":"plugin","user":{"exec":{"apiVersion":"client.authentication.k8s.io/v1","command":"kubectl"}}}"#;
    let config = |users: &[&str]| {
        format!(r#"{{"kind":"Config","apiVersion":"v1","clusters":[],"users":[{}]}}"#, users.join(","))
    };
    let read = |text: String, entry| kubeconfig::read("standard input", text.as_bytes(), entry);
    let me = user("me", "oidc");
    let found = read(config(&[&me, exec]), Some("me")).ok().unwrap();
    assert_eq!((token(&found), found.client_id.as_deref()), (SECRET, Some("kube")));
    assert_eq!(found.issuer.as_deref(), Some("https://dex.example/dex"));
    assert!(read(config(&[&me]), None).is_ok(), "the only one needs no name");
    for (text, entry, words) in [
        (config(&[&me, exec]), None, "which user? It has me, plugin"),
        (config(&[exec]), Some("plugin"), "users[0].user.auth-provider is missing"),
        (config(&[&user("g", "gcp")]), None, "users[0].user.auth-provider.name is not oidc"),
        ("apiVersion: v1\nkind: Config\n".to_owned(), None, "a kubeconfig is YAML"),
        (r#"{"users":{"canary":1}}"#.to_owned(), None, "users is no list"),
    ] {
        let failure = failure(read(text, entry));
        assert!(failure.message.contains(words), "{words:?} is missing in: {}", failure.message);
    }
}

#[test]
fn a_document_of_ones_own_is_a_token_answer_with_what_the_answer_does_not_say() {
    let whole = format!(
        r#"{{"access_token":"canary","token_type":"Bearer","expires_in":3600,"refresh_token":"{SECRET}","scope":"a b",
            "client_id":"c","client_secret":"canary-secret","client_auth":"basic","issuer":"https://as.example",
            "token_endpoint":"https://as.example/token","revocation_endpoint":"https://as.example/revoke",
            "resource":"https://api.example","audience":"api","profile":"keycloak","unknown":{{"canary":1}}}}"#
    );
    let found = document::read("doc.json", whole.as_bytes()).ok().unwrap();
    assert_eq!((token(&found), found.client_auth.as_deref()), (SECRET, Some("basic")));
    assert_eq!(found.token_endpoint.as_deref(), Some("https://as.example/token"));
    assert_eq!(
        (found.resource.as_deref(), found.audience.as_deref()),
        (Some("https://api.example"), Some("api"))
    );
    assert_eq!(found.profile.as_deref(), Some("keycloak"));
    let auth = whole.replace("basic", "canary");
    assert!(failure(document::read("doc.json", auth.as_bytes())).message.contains("client_auth is none of"));
    assert!(
        failure(document::read("doc.json", b"{\"access_token\":\"canary\"}"))
            .message
            .contains("refresh_token")
    );
}
