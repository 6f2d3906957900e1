//! Databases with an older schema and many rows, and what must be left of these.

use mapae_migrations::Migrator;
use sea_orm::{ConnectionTrait, Database as Sea};
use sea_orm_migration::MigratorTrait;
use serde_json::json;

use crate::Outcome;
use crate::support::{App, Binary, Cli, Database, PASSWORD};

/// So many people, each with a family, a session, a message that waits and an event.
const PEOPLE: i64 = 10_000;
const CLIENTS: i64 = 100;
/// The steps that bring the attributes of a client as JSON, the outbox, and the proofs of a session:
/// they translate the rows that are there.
const CLIENT_METADATA: &str = "m0019_client_metadata";
const OUTBOX: &str = "m0023_outbox";
const STRENGTH: &str = "m0027_strength";
/// 2100: nothing ends, is due or is old.
const LATE: i64 = 4_102_444_800_000;
const PASSWORD_ALONE: &str = r#"["pwd"]"#;
const PROOFS: &str = r#"[{"method":"password","at":1700000000123}]"#;

/// How many steps the migrations have.
pub(crate) fn every_step() -> usize {
    Migrator::migrations().len()
}

/// The hash of everybody's password, as this version writes it.
pub(crate) async fn hash() -> String {
    let binary = Binary::start(&Database::Sqlite).await;
    binary.user("model", PASSWORD).await;
    let evidence = binary.evidence().await;
    evidence.texts("SELECT password_hash AS text FROM account").await.remove(0)
}

/// Makes the empty database of an installation as it was after so many steps, with rows.
pub(crate) async fn make(cli: &Cli, steps: usize, hash: &str) {
    let url = cli.get("MAPAE_DATABASE_URL").to_owned();
    let is_file = url.starts_with("sqlite:");
    let database = Sea::connect(if is_file { format!("{url}?mode=rwc") } else { url }).await;
    let database = database.expect("a database");
    let few = u32::try_from(steps).expect("few");
    Migrator::up(&database, Some(few)).await.expect("the older schema");
    for statement in rows(steps, hash) {
        database.execute_unprepared(&statement).await.expect("rows of the older schema");
    }
    database.close().await.expect("closed");
}

/// Statements that write the rows, in the form that they have after so many steps.
fn rows(steps: usize, hash: &str) -> Vec<String> {
    let all = Migrator::migrations();
    let has = |name: &str| all.iter().take(steps).any(|step| step.name() == name);
    let (proven, proof) = if has(STRENGTH) { ("proofs", PROOFS) } else { ("amr", PASSWORD_ALONE) };
    vec![
        each(
            PEOPLE,
            "account",
            "id, username, username_key, email_verified, password_hash, profile, created_at, \
             updated_at",
            &format!("'old' || i, 'old' || i, 'old' || i, FALSE, '{hash}', '{{}}', 1000, 1000"),
        ),
        each(PEOPLE, "account_key", "key, user_id", "'old' || i, 'old' || i"),
        clients(has(CLIENT_METADATA)),
        each(
            PEOPLE,
            "family",
            "id, user_id, client_id, scope, resources, auth_time, amr, expires_at",
            &format!(
                "'old' || i, 'old' || i, 'old' || (i % {CLIENTS}), 'openid', '[]', 1000, \
                 '{PASSWORD_ALONE}', {LATE}"
            ),
        ),
        each(
            PEOPLE,
            "session",
            &format!(
                "id, browser_id, user_id, auth_time, {proven}, kept, idle_ms, idle_ends_at, \
                 expires_at"
            ),
            &format!(
                "'old' || i, 'old' || i, 'old' || i, 1700000000123, '{proof}', FALSE, 1000, \
                 {LATE}, {LATE}"
            ),
        ),
        messages(has(OUTBOX)),
        each(
            PEOPLE,
            "audit_event",
            "id, at, kind, user_id",
            &format!("'old' || i, {LATE}, 'sign_in.succeeded', 'old' || i"),
        ),
    ]
}

/// A statement that writes so many rows, each with its number `i`.
fn each(number: i64, table: &str, columns: &str, values: &str) -> String {
    format!(
        "INSERT INTO {table} ({columns}) WITH RECURSIVE n(i) AS \
         (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {number}) SELECT {values} FROM n"
    )
}

fn clients(has_metadata: bool) -> String {
    if has_metadata {
        let metadata = metadata().to_string().replace("NUMBER", "' || i || '");
        let values = format!("'old' || i, 'public', '{metadata}', 1000");
        return each(CLIENTS, "client", "id, kind, metadata, created_at", &values);
    }
    each(
        CLIENTS,
        "client",
        "id, name, kind, auth_method, grants, scope, audiences, resource_servers, redirect_uris, \
         token_alg, refresh_policy, require_access_token_proof, created_at",
        "'old' || i, 'Old app ' || i, 'public', 'none', '[]', 'openid', '[]', '[]', \
         '[\"https://app.example.com/cb\"]', 'RS256', 'rotate', FALSE, 1000",
    )
}

/// Messages that wait.
fn messages(has_outbox: bool) -> String {
    if has_outbox {
        let columns = "id, kind, target, payload, attempts, created_at, due_at";
        let values = format!("'old' || i, 'logout', 'old0', '{{}}', 0, {LATE}, {LATE}");
        return each(PEOPLE, "outbox", columns, &values);
    }
    let columns = "id, client_id, user_id, family_id, attempts, due_at";
    let values = format!("'old' || i, 'old0', 'old' || i, 'old' || i, 0, {LATE}");
    each(PEOPLE, "logout_notice", columns, &values)
}

/// The attributes of a client, as the step that brings them writes them.
fn metadata() -> serde_json::Value {
    json!({
        "client_name": "Old app NUMBER", "token_endpoint_auth_method": "none", "jwks": null,
        "grant_types": [], "scope": "openid", "audiences": [], "resource_servers": [],
        "redirect_uris": ["https://app.example.com/cb"], "post_logout_redirect_uris": [],
        "backchannel_logout_uri": null, "allowed_origins": [], "refresh_delivery": "body",
        "require_pkce": "auto", "first_party": false, "trust_user_ip": false, "logo_uri": null,
        "policy_uri": null, "tos_uri": null, "token_alg": "RS256", "access_token_typ": "at+jwt",
        "id_token_claims": false, "access_token_claims": [], "assertions": "tolerant",
        "refresh_policy": "rotate", "refresh_grace": null, "require_access_token_proof": false,
    })
}

/// Checks that every row is there in the form of today, and that the people and apps of before are
/// known.
pub(crate) async fn check(server: &Binary, app: &App, outcome: &mut Outcome) {
    let evidence = server.evidence().await;
    let proven = format!("proofs = '{PROOFS}'");
    for (table, more, number) in [
        ("account", "TRUE", PEOPLE),
        ("client", "TRUE", CLIENTS),
        ("family", "acr = '1'", PEOPLE),
        ("session", proven.as_str(), PEOPLE),
        ("outbox", "target = 'old0'", PEOPLE),
        ("audit_event", "TRUE", PEOPLE),
    ] {
        let sql = format!("SELECT count(*) AS n FROM {table} WHERE id LIKE 'old%' AND {more}");
        let found = evidence.count(&sql).await;
        if found != number {
            outcome.broken.push(format!("{found} of {number} rows are in {table}"));
        }
    }
    let shown = server.cli(&["client", "show", "--id", "old7"], None).await;
    let uris = json!(["https://app.example.com/cb"]);
    if shown["client_name"] != "Old app 7" || shown["redirect_uris"] != uris {
        outcome.broken.push(format!("an app of before is not as it was: {shown}"));
    }
    let reply = app.password_as("old7", PASSWORD, "openid").await;
    outcome.operations += 2;
    if reply.status != 200 {
        let text = reply.text;
        outcome.broken.push(format!("somebody of before is answered {}: {text}", reply.status));
    }
}
