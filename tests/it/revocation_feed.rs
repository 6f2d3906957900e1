//! The feed of revocations: `GET /revocations`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use mapae::admin::authority::May;
use mapae::admin::users::Target;
use mapae::admin::{clients, keys, users};
use mapae::domain::client::TokenAlg;
use mapae::domain::scope::Scope;
use mapae::redis_client::{Redis, RedisServer as RedisPlace};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::{
    App, RedisServer, Reply, Server, USERNAME, both, decode_claims, decode_header, eventually,
    http, postgres_or_skip, run,
};

/// Who follows: a resource server of this audience.
async fn follower(server: &Server, id: &str, audience: &str, scope: &str) -> Follower {
    let app = server
        .client(id, |client| {
            client.metadata.resource_servers = vec![audience.to_owned()];
            client.metadata.scope = Scope::parse(scope).unwrap();
        })
        .await;
    Follower::of(app).await
}

struct Follower {
    app: App,
    token: String,
}

impl Follower {
    async fn of(app: App) -> Self {
        let token = app.token(&[("grant_type", "client_credentials")]).await.ok();
        Self { token: token.text("access_token"), app }
    }

    fn at(&self, base: &str) -> Self {
        Self { app: self.app.at(base), token: self.token.clone() }
    }

    async fn get(&self, query: &str) -> Reply {
        let url = format!("{}/revocations{query}", self.app.base);
        Reply::of(http().get(url).bearer_auth(&self.token).send().await.expect("an answer")).await
    }

    async fn begin(&self) -> String {
        let page = self.get("").await.ok().json();
        assert_eq!(page["events"], json!([]));
        page["next"].as_str().expect("a place").to_owned()
    }

    /// Waits for events after this place; returns them and the next place.
    async fn after(&self, place: &str) -> (Vec<Value>, String) {
        let page = self.get(&format!("?after={place}&wait=30")).await.ok().json();
        let next = page["next"].as_str().expect("a place").to_owned();
        (page["events"].as_array().expect("events").clone(), next)
    }

    /// Follows until this was told; returns everything that was told, and the next place.
    async fn until(&self, place: &str, kind: &str, value: &str) -> (Vec<Value>, String) {
        let (mut all, mut place) = (Vec::new(), place.to_owned());
        for _ in 0..100 {
            let (events, next) = self.after(&place).await;
            all.extend(events);
            place = next;
            if all.iter().any(|event| event["kind"] == kind && event["value"] == value) {
                return (all, place);
            }
        }
        panic!("{kind} {value} was never told: {all:?}");
    }
}

const ALL: &str = "revocations:read:all";
const READ: &str = "revocations:read";

fn sid(token: &str) -> String {
    decode_claims(token)["sid"].as_str().expect("a sid").to_owned()
}

both! {
    async fn a_follower_is_told_what_ended_and_until_when_it_matters(database) {
        let server = Server::start(&database).await;
        let issuer = server.inner.services();
        let (store, now) = (&*issuer.store, server.now());
        let alice = server.alice().await;
        let app = server.client("app", |_| {}).await;
        let follower = follower(&server, "watcher", "https://watch", ALL).await;
        let start = follower.begin().await;

        let (access, refresh) = app.password("openid").await.pair();
        app.revoke(&refresh).await.ok();
        let (events, next) = follower.until(&start, "sid", &sid(&access)).await;
        assert_eq!(events.len(), 1, "{events:?}");
        assert!(events[0]["before"].is_null());
        // No token that could still be alive is forgotten.
        let (said, exp) = (&events[0]["exp"], decode_claims(&access)["exp"].as_i64().unwrap());
        assert!((exp..=exp + 1).contains(&said.as_i64().unwrap()), "{said} {exp}");

        let (access, _) = app.password("openid").await.pair();
        app.revoke(&access).await.ok();
        let jti = decode_claims(&access)["jti"].as_str().unwrap().to_owned();
        let (events, next) = follower.until(&next, "jti", &jti).await;
        let exp = &decode_claims(&access)["exp"];
        assert_eq!(events, [json!({ "kind": "jti", "value": jti, "exp": exp })]);

        users::disable(&May::operator(), store, now, Target::named(USERNAME)).await.unwrap();
        let (events, next) = follower.until(&next, "sid", &sid(&access)).await;
        let second = server.now().now().timestamp();
        assert!(events.iter().any(|event| {
            event["kind"] == "sub" && event["value"] == alice && event["before"] == second + 1
        }), "{events:?}");
        users::enable(&May::operator(), store, now, Target::named(USERNAME)).await.unwrap();

        keys::rotate(&May::operator(), &issuer.keyring, Some(TokenAlg::Es256), true).await.unwrap();
        server.advance(2);
        let kid = decode_header(&access)["kid"].as_str().unwrap().to_owned();
        keys::rotate(&May::operator(), &issuer.keyring, Some(TokenAlg::Rs256), true).await.unwrap();
        server.advance(2);
        keys::drop(&May::operator(), &issuer.keyring, &kid).await.unwrap();
        // What it was asked with was signed by that key.
        let follower = Follower::of(follower.app).await;
        let (_, next) = follower.until(&next, "kid", &kid).await;
        clients::set_enabled(&May::operator(), store, now, clients::Target::of("app"), false).await.unwrap();
        let (_, next) = follower.until(&next, "client_id", "app").await;
        // Whoever begins again from the start is told all of it once more.
        let (every, again) = follower.until(&start, "client_id", "app").await;
        assert!(again >= next && every.len() >= 6, "{every:?}");
    }

    async fn a_resource_server_is_told_what_concerns_it(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let of = |audience: &'static str| move |client: &mut mapae::domain::client::Client| {
            client.metadata.audiences = vec![audience.to_owned()];
        };
        let app = server.client("app", of("https://mine")).await;
        let other = server.client("other", of("https://theirs")).await;
        let mine = follower(&server, "mine", "https://mine", READ).await;
        let all = follower(&server, "all", "https://other", ALL).await;
        let (start, first) = (mine.begin().await, all.begin().await);
        let (theirs, refresh) = other.password("openid").await.pair();
        other.revoke(&refresh).await.ok();
        all.until(&first, "sid", &sid(&theirs)).await;
        let page = mine.get(&format!("?after={start}")).await.ok().json();
        assert_eq!(page, json!({ "events": [], "next": start }));
        let (access, refresh) = app.password("openid").await.pair();
        app.revoke(&refresh).await.ok();
        let (events, _) = mine.until(&start, "sid", &sid(&access)).await;
        assert_eq!(events.len(), 1, "{events:?}");
        let (events, _) = all.until(&first, "sid", &sid(&access)).await;
        assert_eq!(events.len(), 2, "{events:?}");
        // What is not for them.
        let nobody = follower(&server, "nobody", "https://n", "read").await;
        nobody.get("").await.refused(403, "insufficient_scope");
        let url = server.url("/revocations");
        let anonymous = Reply::of(http().get(&url).send().await.unwrap()).await;
        assert_eq!((anonymous.status.as_u16(), anonymous.header("www-authenticate")), (401, "Bearer realm=\"mapae\""));
        let forged = http().get(&url).bearer_auth("x").send().await.unwrap();
        Reply::of(forged).await.refused(401, "invalid_token");
    }

    async fn nonsense_is_refused_and_what_is_gone_is_said(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let follower = follower(&server, "watcher", "https://watch", ALL).await;
        let start = follower.begin().await;
        for nonsense in ["?after=x", "?after=r-1", "?wait=31&after=r0", "?wait=x", "?after=r1&after=r2"] {
            follower.get(nonsense).await.refused(400, "invalid_request");
        }
        // A place that no replica has reached is of a database that is gone.
        follower.get("?after=r999999").await.refused(410, "cursor_expired");
        // Nothing happens: the place stays.
        let page = follower.get(&format!("?after={start}&wait=1")).await.ok().json();
        assert_eq!(page, json!({ "events": [], "next": start }));
        let (access, refresh) = app.password("openid").await.pair();
        app.revoke(&refresh).await.ok();
        let (_, next) = follower.until(&start, "sid", &sid(&access)).await;
        // It is kept for an hour, and at least as long as an access token lives.
        server.advance(2 * 60 * 60);
        let server = server.restart().await;
        let follower = Follower::of(follower.app.at(server.issuer())).await;
        eventually("it is forgotten", async || {
            follower.get(&format!("?after={start}")).await.status == 410
        }).await;
        follower.get(&format!("?after={start}")).await.refused(410, "cursor_expired");
        follower.get(&format!("?after={next}")).await.ok();
    }

    async fn events_are_streamed_and_a_stream_goes_on_where_it_broke(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let follower = follower(&server, "watcher", "https://watch", ALL).await;
        let stream = async |last: Option<&str>| {
            let mut request = http().get(server.url("/revocations")).bearer_auth(&follower.token);
            request = request.header("accept", "text/event-stream");
            if let Some(last) = last {
                request = request.header("last-event-id", last);
            }
            request.send().await.unwrap()
        };
        let read = async |mut response: reqwest::Response, until: &str| {
            let mut text = String::new();
            let wanted = format!("\"value\":\"{until}\"");
            while !text.contains(&wanted) || !text.ends_with("\n\n") {
                let part = tokio::time::timeout(Duration::from_mins(1), response.chunk()).await.unwrap();
                text.push_str(std::str::from_utf8(&part.unwrap().unwrap()).unwrap());
            }
            text
        };
        let response = stream(None).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let (one, refresh) = app.password("openid").await.pair();
        app.revoke(&refresh).await.ok();
        let text = read(response, &sid(&one)).await;
        let ids: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
        let last = *ids.last().expect("an id");
        // The connection is lost; meanwhile something happens.
        let (two, refresh) = app.password("openid").await.pair();
        app.revoke(&refresh).await.ok();
        let text = read(stream(Some(last)).await, &sid(&two)).await;
        assert!(!text.contains(&sid(&one)), "told before: {text}");
        assert_eq!(stream(Some("nonsense")).await.status(), 400);
    }
}

/// The place of a follower never passes a transaction that may still commit.
#[test]
fn a_transaction_between_insert_and_commit_is_not_passed() {
    let Some(database) = postgres_or_skip() else { return };
    run(async move {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let follower = follower(&server, "watcher", "https://watch", ALL).await;
        let start = follower.begin().await;
        let (access, refresh) = app.password("openid").await.pair();
        let evidence = server.evidence().await;
        let now = server.now().now().timestamp_millis();
        evidence.run("BEGIN").await;
        evidence.run("UPDATE revision SET value = value + 1 WHERE name = 'revocations'").await;
        evidence
            .run(&format!(
                "INSERT INTO revocation (position, part, kind, value, revoked_at, expires_at) \
                 SELECT value, 0, 'sid', 'held', {now}, {now} FROM revision \
                 WHERE name = 'revocations'"
            ))
            .await;
        // Another one revokes meanwhile. It is later in the feed, whenever it was asked for.
        let revoking = tokio::spawn({
            let (app, refresh) = (app.clone(), refresh.clone());
            async move { app.revoke(&refresh).await }
        });
        let page = follower.get(&format!("?after={start}&wait=1")).await.ok().json();
        assert_eq!(page, json!({ "events": [], "next": start }));
        evidence.run("COMMIT").await;
        revoking.await.unwrap().ok();
        let (events, _) = follower.until(&start, "sid", &sid(&access)).await;
        let values: Vec<_> = events.iter().map(|event| event["value"].as_str().unwrap()).collect();
        assert_eq!(values, ["held", &sid(&access)], "both, in the order of the commits");
    });
}

/// With Redis the feed is a stream as well, which is written once by however many replicas. When
/// Redis is lost, followers miss nothing, and the stream is whole again as soon as it is back.
#[test]
fn with_redis_the_feed_is_a_stream_as_well_and_losing_it_loses_nothing() {
    let Some(database) = postgres_or_skip() else { return };
    run(async move {
        let Some(mut redis) = RedisServer::start().await else { return };
        let url = redis.url();
        let server = Server::start_with(&database, &[("redis.url", url.as_str())]).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let other = server.another().await;
        let follower = follower(&server, "watcher", "https://watch", ALL).await;
        let there = follower.at(&format!("http://{}", other.address()));
        let start = there.begin().await;
        let revoked = async || {
            let (access, refresh) = app.password("openid").await.pair();
            app.revoke(&refresh).await.ok();
            sid(&access)
        };
        let first = revoked().await;
        let (_, next) = there.until(&start, "sid", &first).await;
        let stream = async || redis.cli(&["KEYS", "mapae:revocations:*"]).await;
        eventually("there is a stream", async || stream().await.lines().count() == 1).await;
        let name = stream().await;
        let entries = async |redis: &RedisServer| redis.cli(&["XRANGE", &name, "-", "+"]).await;
        let told = |entries: &str, sid: &str| {
            let event = format!("\"kind\":\"sid\",\"value\":\"{sid}\"");
            entries.lines().filter(|line| line.replace('\\', "").contains(&event)).count()
        };
        eventually("it has the event", async || told(&entries(&redis).await, &first) == 1).await;
        // Whoever follows the stream is told at once, as each replica is.
        let place = RedisPlace::parse(&url).expect("a URL");
        let (listener, hint) =
            (Redis::new(&place, None).expect("a client"), Arc::new(Notify::new()));
        listener.look().await;
        let following = tokio::spawn({
            let (listener, hint, name) = (listener.clone(), Arc::clone(&hint), name.clone());
            async move { listener.follow(&name, &hint).await }
        });
        hint.notified().await;
        let second = revoked().await;
        hint.notified().await;
        following.abort();
        let (_, next) = there.until(&next, "sid", &second).await;
        // Redis is gone with all that it had.
        redis.kill().await;
        let third = revoked().await;
        let (_, next) = there.until(&next, "sid", &third).await;
        redis.restart().await;
        eventually("the stream is whole again", async || {
            let entries = entries(&redis).await;
            [&first, &second, &third].iter().all(|sid| told(&entries, sid) == 1)
        })
        .await;
        let fourth = revoked().await;
        there.until(&next, "sid", &fourth).await;
        eventually("it goes on", async || told(&entries(&redis).await, &fourth) == 1).await;
        other.stop().await;
    });
}

/// Followers at two replicas, who go from one to the other and lose their connections, are told of
/// everything.
#[test]
fn followers_of_two_replicas_miss_nothing() {
    let Some(database) = postgres_or_skip() else { return };
    run(async move {
        let settings = [("hashing.memory_kib", "7168"), ("hashing.passes", "1")];
        let server = Server::start_with(&database, &settings).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let other = server.another().await;
        let there = format!("http://{}", other.address());
        let follower = follower(&server, "watcher", "https://watch", ALL).await;
        let (here, elsewhere) = (follower.at(server.issuer()), follower.at(&there));
        let start = here.begin().await;
        let mut families = Vec::new();
        for _ in 0..24 {
            families.push(app.password("openid").await.pair());
        }
        let expected: BTreeSet<String> = families.iter().map(|(access, _)| sid(access)).collect();
        let revoking = async {
            for (number, some) in families.chunks(4).enumerate() {
                let app = if number % 2 == 0 { app.clone() } else { app.at(&there) };
                let some = some.iter().map(|(_, refresh)| app.revoke(refresh));
                for reply in futures_util::future::join_all(some).await {
                    reply.ok();
                }
            }
        };
        let following = async |first: usize| {
            let (mut place, mut told) = (start.clone(), Vec::new());
            for round in first.. {
                let at = if round % 2 == 0 { &here } else { &elsewhere };
                // Some answers are lost: the follower asks again from where it was.
                let (events, next) = at.after(&place).await;
                if round % 3 == 2 {
                    continue;
                }
                place = next;
                let sids = events.iter().filter(|event| event["kind"] == "sid");
                told.extend(sids.map(|event| event["value"].as_str().unwrap().to_owned()));
                if told.len() >= expected.len() {
                    break;
                }
            }
            told
        };
        let ((), one, two) = tokio::join!(revoking, following(0), following(1));
        for told in [one, two] {
            assert_eq!(told.len(), expected.len(), "nothing twice");
            assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), expected, "nothing missed");
        }
        other.stop().await;
    });
}
