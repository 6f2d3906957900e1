//! Status lists (Token Status List): what a resource server that verifies alone learns of
//! revocations.

use std::collections::BTreeSet;
use std::process::Stdio;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mapae::admin::authority::May;
use mapae::admin::users::Target;
use mapae::admin::{clients, keys, users};
use mapae::domain::client::TokenAlg;
use mapae::domain::secret::Secret;
use mapae::domain::status_list::StatusListMode;
use mapae::keys::jwt::Typ;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::interop::toolchain::status_list_reader;
use crate::support::{
    App, Database, Evidence, PASSWORD, Reply, Server, USERNAME, both, decode_claims, decode_header,
    eventually, http, postgres_or_skip, required_or_skip, run,
};

async fn get(url: &str) -> Reply {
    Reply::of(http().get(url).send().await.expect("an answer")).await
}

/// A resource server that verifies tokens alone and asks the status lists.
pub(crate) struct Verifier {
    base: String,
    http: reqwest::Client,
}

impl Verifier {
    pub(crate) fn at(base: &str) -> Self {
        Self { base: base.to_owned(), http: http() }
    }

    /// The bits of the list to which a token points.
    async fn bits(&self, token: &str) -> Option<Vec<u8>> {
        let claims = decode_claims(token);
        let uri = claims["status"]["status_list"]["uri"].as_str().expect("a place");
        let path = uri.split_once("/status/").expect("the URL of a list").1;
        let list = self.http.get(format!("{}/status/{path}", self.base)).send().await;
        let reply = Reply::of(list.expect("an answer")).await;
        if reply.status == 404 {
            return None;
        }
        let list = decode_claims(&reply.ok().text);
        assert_eq!(list["sub"], uri);
        let lst = list["status_list"]["lst"].as_str().expect("a list");
        let zipped = URL_SAFE_NO_PAD.decode(lst).expect("base64url");
        Some(miniz_oxide::inflate::decompress_to_vec_zlib(&zipped).expect("ZLIB"))
    }

    /// Whether the list says that the token is revoked, or is gone.
    pub(crate) async fn refuses(&self, token: &str) -> bool {
        let index = decode_claims(token)["status"]["status_list"]["idx"].as_u64().expect("an idx");
        let Some(bits) = self.bits(token).await else { return true };
        let byte = bits[usize::try_from(index / 8).unwrap()];
        byte & (1 << (index % 8)) != 0
    }

    /// Waits until a token is refused: replicas learn of it on their own.
    pub(crate) async fn learns(&self, token: &str) {
        eventually("the list says so", async || self.refuses(token).await).await;
    }
}

pub(crate) fn place(token: &str) -> (String, u64) {
    let claims = decode_claims(token);
    let place = &claims["status"]["status_list"];
    (place["uri"].as_str().expect("a URL").to_owned(), place["idx"].as_u64().expect("a number"))
}

async fn app(server: &Server, mode: StatusListMode) -> App {
    server.client("app", |client| client.metadata.status_list = mode).await
}

async fn own_token(app: &App) -> String {
    app.token(&[("grant_type", "client_credentials")]).await.ok().text("access_token")
}

/// The index that the row of the family of this token has.
async fn index_of_family(evidence: &Evidence, token: &str) -> i64 {
    let claims = decode_claims(token);
    let sid = claims["sid"].as_str().expect("a sid");
    evidence.count(&format!("SELECT status_index AS n FROM family WHERE id = '{sid}'")).await
}

/// Makes the database do this whenever a family is to be given a place, before the row is changed.
async fn before_a_place(
    evidence: &Evidence,
    [on_sqlite, on_postgres]: [&str; 2],
    database: &Database,
) {
    let when = "BEFORE UPDATE OF status_list ON family";
    let statements = match database {
        Database::Sqlite => [
            "DROP TRIGGER IF EXISTS before_a_place".to_owned(),
            format!("CREATE TRIGGER before_a_place {when} BEGIN {on_sqlite}; END"),
        ],
        Database::Postgres { .. } => [
            format!(
                "CREATE OR REPLACE FUNCTION before_a_place() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN {on_postgres}; END $$"
            ),
            format!(
                "CREATE OR REPLACE TRIGGER before_a_place {when} FOR EACH ROW \
                 WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION before_a_place()"
            ),
        ],
    };
    for statement in &statements {
        evidence.run(statement).await;
    }
}

/// Does what another server might do a moment before a family is given a place: it changes the row of
/// the family in this way, so that the place is not taken.
async fn overtake(evidence: &Evidence, database: &Database, how: &str) {
    let change = format!("UPDATE family SET {how} WHERE id = NEW.id");
    let skip = ["SELECT RAISE(IGNORE)", "RETURN NULL"].map(|skip| format!("{change}; {skip}"));
    before_a_place(evidence, skip.each_ref().map(String::as_str), database).await;
}

both! {
    /// The seeds of this project said so. A stolen token is refused long before it expires.
    async fn until_the_access_token_expires_it_is_defenceless(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server, StatusListMode::Families).await;
        let verifier = Verifier::at(server.issuer());
        let (stolen, refresh) = app.password("openid").await.pair();
        let (other, _) = app.password("openid").await.pair();
        assert!(!verifier.refuses(&stolen).await);
        app.revoke(&refresh).await.ok();
        verifier.learns(&stolen).await;
        assert!(!verifier.refuses(&other).await, "another sign-in goes on");
        assert_eq!(decode_claims(&stolen)["exp"], decode_claims(&other)["exp"], "it has not expired");
    }

    async fn status_list_6_1_a_token_names_its_place_where_its_client_or_its_first_resource_asks(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let plain = server.client("plain", |client| {
            client.metadata.audiences = vec!["https://quiet".to_owned(), "https://api".to_owned()];
        }).await;
        server.client("api", |client| {
            client.metadata.resource_servers = vec!["https://api".to_owned()];
            client.metadata.status_list = StatusListMode::Families;
        }).await;
        let asking = app(&server, StatusListMode::Families).await;
        let each = server.client("each", |client| client.metadata.status_list = StatusListMode::Each).await;
        let with = async |resource: &str| {
            plain.token(&[
                ("grant_type", "password"), ("username", USERNAME), ("password", PASSWORD),
                ("scope", "openid"), ("resource", resource),
            ]).await.pair().0
        };
        assert!(decode_claims(&plain.password("openid").await.pair().0)["status"].is_null());
        assert!(decode_claims(&with("https://quiet").await)["status"].is_null());
        place(&with("https://api").await);
        place(&asking.password("openid").await.pair().0);
        // A refresh names the same place, whatever it asks for.
        let (first, refresh) = asking.password("openid").await.pair();
        let (second, refresh) = asking.refresh(&refresh).await.pair();
        let third = asking.refresh_with(&refresh, &[("scope", "openid")]).await.pair().0;
        assert_eq!((place(&first), place(&first)), (place(&second), place(&third)));
        // A client's own tokens have a place of their own, or none.
        assert!(decode_claims(&own_token(&asking).await)["status"].is_null());
        let places: BTreeSet<_> = [own_token(&each).await, own_token(&each).await].iter().map(|one| place(one)).collect();
        assert_eq!(places.len(), 2);
        // Who turns it on later gets it with the next token.
        let (before, refresh) = plain.password("openid").await.pair();
        assert!(decode_claims(&before)["status"].is_null());
        server.change("plain", |client| client.metadata.status_list = StatusListMode::Families).await;
        let (after, refresh) = plain.refresh(&refresh).await.pair();
        assert_eq!(place(&after), place(&plain.refresh(&refresh).await.pair().0));
        server.change("plain", |client| client.metadata.status_list = StatusListMode::Off).await;
        assert!(decode_claims(&plain.password("openid").await.pair().0)["status"].is_null());
    }

    /// No list would ever say of a token with another place that it is revoked.
    async fn a_token_names_the_place_that_its_family_got_from_another_server(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server, StatusListMode::Off).await;
        let (before, refresh) = app.password("openid").await.pair();
        let (_, ending) = app.password("openid").await.pair();
        assert!(decode_claims(&before)["status"].is_null());
        server.change("app", |client| client.metadata.status_list = StatusListMode::Families).await;
        let evidence = server.evidence().await;
        let another = "status_list = NEW.status_list, status_index = abs(NEW.status_index - 1)";
        overtake(&evidence, &database, another).await;
        let (access, _) = app.refresh(&refresh).await.pair();
        assert_eq!(i64::try_from(place(&access).1), Ok(index_of_family(&evidence, &access).await));
        // A family that ended a moment before has none.
        overtake(&evidence, &database, "revoked_at = NEW.handed_out_at").await;
        app.refresh(&ending).await.refused(400, "invalid_grant");
    }

    /// A token without its place would be one that no list can revoke.
    async fn a_refresh_whose_place_could_not_be_written_is_repeated(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server, StatusListMode::Off).await;
        let (_, refresh) = app.password("openid").await.pair();
        server.change("app", |client| client.metadata.status_list = StatusListMode::Families).await;
        let evidence = server.evidence().await;
        let failure = ["SELECT RAISE(ABORT, 'no')", "RAISE EXCEPTION 'no'"];
        before_a_place(&evidence, failure, &database).await;
        app.refresh(&refresh).await.refused(500, "server_error");
        before_a_place(&evidence, ["SELECT 1", "RETURN NEW"], &database).await;
        let (access, _) = app.refresh(&refresh).await.pair();
        assert_eq!(i64::try_from(place(&access).1), Ok(index_of_family(&evidence, &access).await));
    }

    /// Whatever ends a token.
    async fn status_list_7_everything_that_ends_a_token_sets_its_bit(database) {
        let server = Server::start(&database).await;
        let issuer = server.inner.services();
        let (store, now) = (&*issuer.store, server.now());
        server.alice().await;
        let verifier = Verifier::at(server.issuer());
        let app = app(&server, StatusListMode::Each).await;
        let witness = server.client("witness", |client| client.metadata.status_list = StatusListMode::Families).await;
        let (kept, _) = witness.password("openid").await.pair();
        let fresh = async || app.password("openid offline_access").await.pair();

        let (access, refresh) = fresh().await;
        let (_, next) = app.refresh(&refresh).await.pair();
        app.refresh(&next).await.pair();
        server.advance(40);
        app.refresh(&refresh).await.refused(400, "invalid_grant");
        verifier.learns(&access).await;

        let (access, _) = fresh().await;
        assert!(!verifier.refuses(&access).await);
        users::logout(&May::operator(), store, now, Target::named(USERNAME)).await.unwrap();
        verifier.learns(&access).await;

        let (kept_again, _) = witness.password("openid").await.pair();
        let (access, _) = fresh().await;
        let password = Secret::text("another good password 17");
        users::set_password(&May::operator(), store, now, None, &issuer.hasher, Target::named(USERNAME), &password).await.unwrap();
        verifier.learns(&access).await;
        verifier.learns(&kept_again).await;
        users::set_password(&May::operator(), store, now, None, &issuer.hasher, Target::named(USERNAME), &Secret::text(PASSWORD)).await.unwrap();

        let (access, _) = fresh().await;
        users::disable(&May::operator(), store, now, Target::named(USERNAME)).await.unwrap();
        verifier.learns(&access).await;
        users::enable(&May::operator(), store, now, Target::named(USERNAME)).await.unwrap();
        assert!(verifier.refuses(&access).await && !app.is_active(&access).await);

        let (access, refresh) = fresh().await;
        let (own, others) = (own_token(&app).await, witness.password("openid").await.pair().0);
        clients::set_enabled(&May::operator(), store, now, clients::Target::of("app"), false).await.unwrap();
        verifier.learns(&access).await;
        verifier.learns(&own).await;
        assert!(!verifier.refuses(&others).await);
        // It comes back, and nothing that it had does.
        clients::set_enabled(&May::operator(), store, now, clients::Target::of("app"), true).await.unwrap();
        server.forget_clients();
        app.refresh(&refresh).await.refused(400, "invalid_grant");
        for dead in [&access, &own] {
            assert!(verifier.refuses(dead).await && !app.is_active(dead).await);
        }
        let (access, own) = (fresh().await.0, own_token(&app).await);
        for alive in [&access, &own] {
            assert!(!verifier.refuses(alive).await && app.is_active(alive).await);
        }

        keys::rotate(&May::operator(), &issuer.keyring, Some(TokenAlg::Rs256), true).await.unwrap();
        server.advance(2);
        let kid = decode_header(&access)["kid"].as_str().unwrap().to_owned();
        let (before, refresh) = fresh().await;
        assert_ne!(decode_header(&before)["kid"], kid, "the next key signs");
        keys::drop(&May::operator(), &issuer.keyring, &kid).await.unwrap();
        verifier.learns(&access).await;
        verifier.learns(&own).await;
        // Lists are signed by another key now, and the family goes on at another place.
        let (uri, _) = place(&access);
        assert_ne!(decode_header(&get(&uri).await.ok().text)["kid"], kid);
        let (after, _) = app.refresh(&refresh).await.pair();
        assert_ne!(place(&after), place(&before));
        assert!(!verifier.refuses(&after).await && !verifier.refuses(&own_token(&app).await).await);

        clients::delete(&May::operator(), store, now, clients::Target::of("app")).await.unwrap();
        verifier.learns(&after).await;
        let (access, _) = witness.password("openid").await.pair();
        users::delete(&May::operator(), store, now, Target::named(USERNAME)).await.unwrap();
        verifier.learns(&access).await;
        assert!(verifier.refuses(&kept).await, "the sign-out ended it");
    }

    /// RFC 7009: the family goes on, at another place.
    async fn rfc7009_2_1_one_token_that_is_revoked_alone_takes_its_place_along(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server, StatusListMode::Each).await;
        let verifier = Verifier::at(server.issuer());
        let (first, refresh) = app.password("openid").await.pair();
        let (second, refresh) = app.refresh(&refresh).await.pair();
        app.revoke(&first).await.ok();
        verifier.learns(&first).await;
        // The price of one place for a family; whoever asks mapae itself knows better.
        assert!(verifier.refuses(&second).await && app.is_active(&second).await);
        let (third, refresh) = app.refresh(&refresh).await.pair();
        assert!(place(&third) != place(&first) && !verifier.refuses(&third).await);
        app.revoke(&refresh).await.ok();
        verifier.learns(&third).await;
        let (one, other) = (own_token(&app).await, own_token(&app).await);
        app.revoke(&one).await.ok();
        verifier.learns(&one).await;
        assert!(!verifier.refuses(&other).await);
    }

    async fn status_list_5_1_a_list_is_signed_cacheable_and_open_to_everybody(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server, StatusListMode::Families).await;
        let (access, _) = app.password("openid").await.pair();
        let (uri, _) = place(&access);
        assert_eq!(uri, server.url("/status/1"));
        let reply = get(&uri).await.ok();
        let header = decode_header(&reply.text);
        assert_eq!((&header["typ"], &header["alg"]), (&json!("statuslist+jwt"), &json!("RS256")));
        let keys = server.inner.services().keyring.snapshot().unwrap();
        let claims: Value = keys.verify(Typ::StatusList, &reply.text).expect("signed by the ring");
        let iat = claims["iat"].as_i64().unwrap();
        let now = server.now().now().timestamp();
        assert!(iat % 15 == 0 && (now - 15..=now).contains(&iat), "{iat} {now}");
        assert_eq!((&claims["exp"], &claims["ttl"]), (&json!(iat + 60), &json!(15)));
        assert_eq!((&claims["sub"], &claims["status_list"]["bits"]), (&json!(uri), &json!(1)));
        assert_eq!(reply.header("content-type"), "application/statuslist+jwt");
        assert_eq!(reply.header("cache-control"), "public, max-age=15, s-maxage=1");
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        let etag = reply.header("etag").to_owned();
        assert!(etag.starts_with('"'), "{etag}");
        let again = http().get(&uri).header("if-none-match", &etag).send().await.unwrap();
        assert_eq!((again.status().as_u16(), again.headers()["etag"].to_str().unwrap()), (304, &*etag));
        // It is the same until the next interval.
        assert_eq!(get(&uri).await.text, reply.text);
        server.advance(15);
        assert_ne!(get(&uri).await.ok().text, reply.text);
        let preflight = http().request(reqwest::Method::OPTIONS, &uri).send().await.unwrap();
        assert_eq!(preflight.headers()["access-control-allow-origin"], "*");

        for document in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"] {
            let metadata = get(&server.url(document)).await.ok().json();
            assert_eq!(metadata["status_list_aggregation_endpoint"], server.url("/status"));
        }
        let every = get(&server.url("/status")).await.ok();
        assert_eq!(every.json(), json!({ "status_lists": [uri] }));
        assert_eq!(every.header("content-type"), "application/json");
        for nothing in ["/status/0", "/status/2", "/status/-1", "/status/01", "/status/x", "/status/99999999999999999999"] {
            get(&server.url(nothing)).await.refused(404, "not_found");
        }
        get(&format!("{uri}?time=1")).await.refused(501, "not_implemented");
    }

    async fn what_was_revoked_stays_so_after_a_restart(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server, StatusListMode::Families).await;
        let (dead, refresh) = app.password("openid").await.pair();
        let (alive, kept) = app.password("openid").await.pair();
        app.revoke(&refresh).await.ok();
        let server = server.restart().await;
        let verifier = Verifier::at(server.issuer());
        assert!(verifier.refuses(&dead).await && !verifier.refuses(&alive).await, "from the start");
        // Nobody gets a place that was given to another one.
        let (next, _) = app.at(server.issuer()).password("openid").await.pair();
        assert!(place(&next).1 != place(&alive).1 && place(&next).1 != place(&dead).1);
        assert_eq!(place(&app.at(server.issuer()).refresh(&kept).await.pair().0).1, place(&alive).1);
    }

    /// An older copy of the database knows neither what was revoked since nor which places were
    /// given away since. The file beside the master key does.
    async fn nothing_that_died_lives_again_after_a_restore(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server, StatusListMode::Each).await;
        let (dead, refresh) = app.password("openid").await.pair();
        let (alive, kept) = app.password("openid").await.pair();
        let own = own_token(&app).await;
        app.revoke(&refresh).await.ok();
        Verifier::at(server.issuer()).learns(&dead).await;
        let evidence = server.evidence().await;
        let position = "SELECT value AS n FROM revision WHERE name = 'revocations'";
        let before = evidence.count(position).await;
        // The copy is from before the revocation.
        evidence.run("UPDATE revision SET value = value - 1 WHERE name = 'revocations'").await;
        evidence.run("DELETE FROM status_bit").await;
        evidence.run("DELETE FROM revocation").await;
        let server = server.restart().await;
        let verifier = Verifier::at(server.issuer());
        for token in [&dead, &alive, &own] {
            assert!(verifier.refuses(token).await, "all bits are set");
        }
        assert!(evidence.count(position).await > before, "the numbers go on");
        assert_eq!(evidence.events_of("status_lists.closed").await.len(), 1);
        let app = app.at(server.issuer());
        let (next, _) = app.refresh(&kept).await.pair();
        let (uri, _) = place(&next);
        assert!(uri.ends_with("/status/2"), "{uri}");
        assert!(!verifier.refuses(&next).await && !verifier.refuses(&own_token(&app).await).await);
        // It is done once.
        let server = server.restart().await;
        assert!(!Verifier::at(server.issuer()).refuses(&next).await);
        assert_eq!(evidence.events_of("status_lists.closed").await.len(), 1);
    }

    async fn a_full_list_is_sealed_and_given_up_when_nothing_in_it_can_be_alive(database) {
        let settings = [("status_list.entries", "16"), ("token.families_per_client", "1000")];
        let server = Server::start_with(&database, &settings).await;
        server.alice().await;
        let app = app(&server, StatusListMode::Families).await;
        let mut tokens = Vec::new();
        for _ in 0..20 {
            tokens.push(app.password("openid").await.pair().0);
        }
        let places: BTreeSet<_> = tokens.iter().map(|token| place(token)).collect();
        assert_eq!(places.len(), 20, "no place twice");
        let lists: BTreeSet<_> = places.iter().map(|(uri, _)| uri.clone()).collect();
        assert_eq!(lists.len(), 2, "{lists:?}");
        for uri in &lists {
            get(uri).await.ok();
        }
        // The families end after ninety days, their rows go a day later.
        server.advance(60 * 60 * 24 * 92);
        let server = server.restart().await;
        let first = server.url("/status/1");
        eventually("the first is gone", async || get(&first).await.status == 404).await;
        let app = app.at(server.issuer());
        app.password("openid").await.pair();
        let urls = get(&server.url("/status")).await.ok().json();
        assert!(!urls["status_lists"].as_array().unwrap().contains(&json!(first)), "{urls}");
        let evidence = server.evidence().await;
        let gone = "SELECT count(*) AS n FROM status_list WHERE number = 1";
        eventually("its row, too", async || evidence.count(gone).await == 0).await;
        assert_eq!(evidence.count("SELECT count(*) AS n FROM status_bit WHERE list = 1").await, 0);
    }

    async fn without_the_database_the_last_list_counts_until_it_expires(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server, StatusListMode::Families).await;
        let (access, _) = app.password("openid").await.pair();
        let (uri, _) = place(&access);
        let last = get(&uri).await.ok();
        let evidence = server.evidence().await;
        let rounds = server.inner.services().known.rounds();
        evidence.run("ALTER TABLE revision RENAME TO elsewhere").await;
        server.inner.services().known.next_round(rounds).await;
        let iat = decode_claims(&last.text)["iat"].as_i64().unwrap();
        server.advance(30);
        assert_eq!(decode_claims(&get(&uri).await.ok().text)["iat"], iat, "nothing newer is known");
        server.advance(31);
        let reply = get(&uri).await;
        reply.refused(503, "temporarily_unavailable");
        assert!(!reply.header("retry-after").is_empty());
        evidence.run("ALTER TABLE elsewhere RENAME TO revision").await;
        eventually("it is back", async || get(&uri).await.status == 200).await;
    }
}

/// Byte for byte, so the entity tag of one replica is good at another.
#[test]
fn replicas_publish_the_same_list_and_learn_of_each_others_revocations() {
    let Some(database) = postgres_or_skip() else { return };
    run(async move {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = app(&server, StatusListMode::Families).await;
        let other = server.another().await;
        let base = format!("http://{}", other.address());
        let there = app.at(&base);
        let (here, refresh) = app.password("openid").await.pair();
        let (dead, ended) = there.password("openid").await.pair();
        // A list that only the other replica has opened is found at once.
        let (uri, _) = place(&here);
        let path = uri.strip_prefix(server.issuer()).unwrap().to_owned();
        assert!(!Verifier::at(&base).refuses(&here).await);
        app.revoke(&ended).await.ok();
        Verifier::at(&base).learns(&dead).await;
        Verifier::at(server.issuer()).learns(&dead).await;
        let (one, two) = (get(&uri).await.ok(), get(&format!("{base}{path}")).await.ok());
        assert_eq!((&one.text, one.header("etag")), (&two.text, two.header("etag")));
        assert_eq!(place(&there.refresh(&refresh).await.pair().0), place(&here));
        other.stop().await;
    });
}

/// Many families at once, on two replicas: no place is given twice, and what ends is told.
#[test]
fn many_sign_ins_at_two_replicas_share_no_place() {
    let Some(database) = postgres_or_skip() else { return };
    run(async move {
        let settings = [
            ("status_list.entries", "64"),
            ("hashing.memory_kib", "7168"),
            ("hashing.passes", "1"),
            ("token.families_per_client", "1000"),
        ];
        let server = Server::start_with(&database, &settings).await;
        server.alice().await;
        let app = app(&server, StatusListMode::Families).await;
        let other = server.another().await;
        let there = app.at(&format!("http://{}", other.address()));
        let mut places = BTreeSet::new();
        let mut count = 0;
        while count < 160 {
            let some = (0..8).map(|number| if number % 2 == 0 { &app } else { &there });
            let replies = some.map(|app| app.password("openid"));
            for reply in futures_util::future::join_all(replies).await {
                if reply.status == 503 {
                    continue;
                }
                count += 1;
                places.insert(place(&reply.pair().0));
            }
        }
        assert_eq!(places.len(), count);
        other.stop().await;
    });
}

/// What another implementation of Token Status List reads in a list and in tokens.
#[test]
fn status_list_8_3_another_implementation_reads_our_lists() {
    run(async move {
        let command = match status_list_reader().await {
            Ok(command) => command,
            Err(why) => return required_or_skip(&why),
        };
        let server = Server::start(&Database::Sqlite).await;
        server.alice().await;
        let app = app(&server, StatusListMode::Families).await;
        let mut tokens = Vec::new();
        for number in 0..9 {
            let (access, refresh) = app.password("openid").await.pair();
            if number % 3 == 0 {
                app.revoke(&refresh).await.ok();
                Verifier::at(server.issuer()).learns(&access).await;
            }
            tokens.push(access);
        }
        let (uri, _) = place(&tokens[0]);
        let asked = json!({ "list": get(&uri).await.ok().text, "tokens": tokens });
        let mut command = command;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("node");
        let mut input = child.stdin.take().expect("standard input");
        input.write_all(asked.to_string().as_bytes()).await.expect("written");
        drop(input);
        let output = child.wait_with_output().await.expect("an end");
        let read: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let statuses = [1, 0, 0, 1, 0, 0, 1, 0, 0];
        assert_eq!(read, json!({ "bits": 1, "statuses": statuses, "uris": vec![uri; 9] }));
    });
}
