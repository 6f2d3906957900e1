//! Three replicas of the binary behind a proxy. They share the database and the master key, and
//! nothing else.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::iter;
use mapae::domain::clock::Clock;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use crate::social::table;
use crate::support::factors::Authenticator;
use crate::support::upstream::Oidc;
use crate::support::{
    App, Balancer, Binary, Browser, CALLBACK, Cli, ClientArguments, Database, Evidence, PASSWORD,
    Reply, USERNAME, decode_claims, eventually, free_port, http, plain_http, postgres_or_skip,
};

/// How many use the same thing at once.
const AT_ONCE: usize = 64;

/// Starts three replicas, of which each has a copy of the master key.
async fn start(database: &Database, issuer: &str, provider: &str) -> Vec<Binary> {
    let mut replicas: Vec<Binary> = Vec::new();
    for number in 0..3 {
        let mut cli = match replicas.first() {
            None => Cli::prepared(database).await,
            Some(first) => {
                let mut cli = Cli::new(&Database::Sqlite).await;
                cli.set("MAPAE_DATABASE_URL", first.cli.get("MAPAE_DATABASE_URL"));
                let keys = cli.folder.path().join("keys");
                std::fs::create_dir(&keys).unwrap();
                let master = std::path::Path::new(first.cli.get("MAPAE_KEYS_DIR"));
                let master = std::fs::read(master.join("master.key")).unwrap();
                crate::support::write_secret(keys.join("master.key"), master);
                cli
            }
        };
        let file = cli.folder.path().join("mapae.toml");
        std::fs::write(&file, provider).unwrap();
        for (name, value) in [
            ("MAPAE_CONFIG", file.to_str().unwrap()),
            ("MAPAE_ISSUER", issuer),
            ("MAPAE_ADMIN_LISTEN", &format!("127.0.0.1:{}", free_port())),
            ("MAPAE_OUTBOUND_ALLOW_PRIVATE", "true"),
            // Cheap hashes: nobody waits so long for a thread that they are turned away.
            ("MAPAE_HASHING_MEMORY_KIB", "7168"),
            ("MAPAE_HASHING_PASSES", "1"),
            ("MAPAE_THROTTLE_ACCOUNT_AT_ADDRESS_FAILURES", "400"),
            ("MAPAE_THROTTLE_ADDRESS_FAILURES", "400"),
            ("MAPAE_THROTTLE_ACCOUNT_FAILURES", "7"),
        ] {
            cli.set(name, value);
        }
        replicas.push(cli.serve().await);
        assert_eq!(replicas.len(), number + 1);
    }
    replicas
}

/// An HTTP client whose requests go to this replica.
fn to(number: usize) -> reqwest::Client {
    let value = HeaderValue::from(number);
    let headers = HeaderMap::from_iter([(HeaderName::from_static("x-server"), value)]);
    plain_http().default_headers(headers).build().unwrap()
}

async fn leads(replica: &Binary) -> bool {
    let url = format!("http://{}/metrics", replica.cli.get("MAPAE_ADMIN_LISTEN"));
    let Ok(answer) = http().get(&url).send().await else { return false };
    let metrics = answer.text().await.unwrap();
    let line = metrics.lines().find(|line| line.starts_with("mapae_leader{"));
    line.expect("it is there from the start") == "mapae_leader{job=\"clean_up\"} 1"
}

async fn sessions(evidence: &Evidence) -> i64 {
    evidence.count("SELECT count(*) AS n FROM session").await
}

/// Signs in at one replica, comes back at another one, and refreshes at the third.
async fn one_person_meets_all(app: &App, idp: &Oidc) {
    let at = |number| App { http: to(number), ..app.clone() };
    let mut browser = Browser::new(&app.base, &to(0));
    let login = browser.open(&app.authorization_url(&[])).await;
    let mut browser = browser.through(&to(1));
    let code = browser.sign_in(&login).await.authorization_response().code();
    let (access, refresh) = at(2).exchange(&code).await.pair();
    let (_, refresh) = at(0).refresh(&refresh).await.pair();
    assert!(at(1).is_active(&access).await);
    at(2).revoke(&refresh).await.ok();
    assert!(!at(0).is_active(&access).await);
    // The same by a provider.
    let mut browser = Browser::new(&app.base, &to(1));
    let login = browser.open(&app.authorization_url(&[])).await;
    let left = browser.start_upstream_login(&login, "idp").await;
    let callback = idp.approve(left.location().expect("sent away"));
    let mut browser = browser.through(&to(2));
    let page = browser.complete_upstream_login(&callback).await;
    at(0).exchange(&page.authorization_response().code()).await.pair();
}

/// Of a throttle's seven failures each counts once, whichever replica sees it.
async fn failures_are_counted_together(app: &App) {
    let mut statuses = Vec::new();
    while statuses.len() < 9 {
        let status = app.password_as("bob", "wrong", "openid").await.status.as_u16();
        // Who was turned away because the machine is busy counts nowhere.
        statuses.extend(Some(status).filter(|status| *status != 503));
    }
    assert_eq!(statuses, [400, 400, 400, 400, 400, 400, 400, 429, 429]);
}

/// One refresh token and one code, each used by many at once.
async fn one_use_counts(app: &App) {
    let mut browser = Browser::new(&app.base, &app.http);
    let (_, refresh) = app.exchange(&browser.code(app).await).await.pair();
    let replies = join_all((0..AT_ONCE).map(|_| app.refresh(&refresh))).await;
    let servers: BTreeSet<_> =
        replies.iter().map(|it| it.header("x-served-by").to_owned()).collect();
    assert_eq!(servers.len(), 3);
    let successors: BTreeSet<_> = replies.into_iter().map(|reply| reply.pair().1).collect();
    assert_eq!(successors.len(), 1);

    let code = browser.code(app).await;
    let replies = join_all((0..AT_ONCE).map(|_| app.exchange(&code))).await;
    let (won, lost): (Vec<_>, Vec<_>) = replies.into_iter().partition(|it| it.status == 200);
    assert!(won.len() <= 1, "{}", won.len());
    for reply in &lost {
        reply.refused(400, "invalid_grant");
    }
    for reply in won {
        let (access, _) = reply.pair();
        assert!(!app.is_active(&access).await, "the others were replays");
    }
}

/// One one-time code, sent by many browsers at once.
async fn one_second_factor_counts(app: &App, evidence: &Evidence) {
    let mut home = Browser::new(&app.base, &app.http);
    let login = home.open("/account/security").await;
    let account = home.sign_in(&login).await;
    let begun = home.send_account(&account, "/account/security/one-time-codes/add", &[]).await;
    let page = home.follow(begun).await;
    let authenticator = Authenticator::of(&page);
    let clock = Clock::system();
    let (new, code) = (page.hidden("new"), authenticator.code_at(&clock, 0));
    let fields = [("new", new.as_str()), ("code", &code)];
    let shown = home.send_account(&page, "/account/security/one-time-codes", &fields).await;
    assert_eq!(shown.reply.status, 200, "{}", shown.reply.text);
    let asked = iter(0..AT_ONCE).map(async |_| {
        let mut browser = Browser::new(&app.base, &app.http);
        let login = browser.open(&app.authorization_url(&[])).await;
        let mut page = browser.sign_in(&login).await;
        while page.reply.status == 503 {
            page = browser.sign_in(&login).await;
        }
        assert!(page.has("totp-submit"), "{}", page.reply.text);
        (browser, page)
    });
    let mut asked: Vec<_> = asked.buffer_unordered(6).collect().await;
    let before = sessions(evidence).await;
    // A code of the next half minute counts already; that of this one was used for the set-up.
    let code = authenticator.code_at(&clock, 30);
    let fields = [("code", code.as_str())];
    let sent = asked.iter_mut().map(|(browser, page)| browser.send_factor(page, &fields));
    let answers = join_all(sent).await;
    let statuses: Vec<_> = answers.iter().map(|page| page.reply.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert_eq!(sessions(evidence).await, before + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r03_three_replicas_behind_a_proxy_are_one_server() {
    let Some(database) = postgres_or_skip() else { return };
    let address = format!("127.0.0.1:{}", free_port());
    let issuer = format!("http://{address}");
    let idp = Oidc::start().await;
    let provider = table("idp", "oidc", idp.base(), "");
    let mut replicas = start(&database, &issuer, &provider).await;
    let servers: Vec<_> =
        replicas.iter().map(|replica| replica.cli.get("MAPAE_LISTEN").to_owned()).collect();
    let Some(_balancer) = Balancer::at(&address, &servers).await else { return };
    let first = &replicas[0];
    for name in [USERNAME, "bob"] {
        first.user(name, PASSWORD).await;
    }
    let grants = ["authorization_code", "refresh_token", "password"];
    let arguments = ClientArguments::confidential(&grants).first_party();
    let arguments = arguments.with("--redirect-uri", CALLBACK).with("--scope", "openid");
    let app = first.register("app", &arguments).await;
    let evidence = first.evidence().await;

    one_person_meets_all(&app, &idp).await;
    failures_are_counted_together(&app).await;
    one_use_counts(&app).await;
    one_second_factor_counts(&app, &evidence).await;

    // One of them cleans up. When it dies, another one takes its place after the lease of fifteen
    // seconds; when it is told to stop, at once.
    let leaders = async |replicas: &[Binary]| {
        let all = join_all(replicas.iter().map(leads)).await;
        let leading = all.iter().enumerate().filter(|(_, leads)| **leads);
        leading.map(|(number, _)| number).collect::<Vec<_>>()
    };
    eventually("one leads", async || leaders(&replicas).await.len() == 1).await;
    let mut dead = replicas.remove(leaders(&replicas).await[0]);
    dead.kill().await;
    evidence.run("UPDATE leader SET ends_at = ends_at - 15000").await;
    eventually("another one leads", async || leaders(&replicas).await.len() == 1).await;
    let mut ending = replicas.remove(leaders(&replicas).await[0]);
    let holder = evidence.texts("SELECT holder AS text FROM leader").await;
    ending.terminate().await;
    assert_eq!(ending.ended().await, Some(0));
    let kept =
        format!("SELECT count(*) AS n FROM leader WHERE holder = '{}' AND ends_at > 0", holder[0]);
    assert_eq!(evidence.count(&kept).await, 0, "who ends gives the lease back");
    let given_back = "SELECT count(*) AS n FROM leader WHERE ends_at = 0";
    let leads_now = async || leaders(&replicas).await.len() == 1;
    eventually("the last one leads", async || leads_now().await).await;
    assert_eq!(evidence.count(given_back).await, 0);
}

/// What a replica answers about a path: status, entity tag and body.
async fn fetched(base: &str, path: &str, etag: &str) -> (u16, String, String) {
    let request = http().get(format!("{base}{path}")).header("if-none-match", etag);
    let answer = request.send().await.expect("an answer");
    let etag = answer.headers().get("etag").map(|etag| etag.to_str().expect("text").to_owned());
    (answer.status().as_u16(), etag.unwrap_or_default(), answer.text().await.expect("text"))
}

/// The events after a place, and the next place.
async fn followed(base: &str, token: &str, place: &str) -> (Vec<Value>, String) {
    let url = format!("{base}/revocations?after={place}&wait=30");
    let page = http().get(url).bearer_auth(token).send().await.expect("an answer");
    let page = Reply::of(page).await.ok().json();
    let next = page["next"].as_str().expect("a place").to_owned();
    (page["events"].as_array().expect("events").clone(), next)
}

/// A list is the same at each of them, byte for byte; what one of them revokes all of them serve;
/// and the feed misses nothing while two of them write.
#[expect(clippy::too_many_lines, reason = "one installation is asked for all of it")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r03_three_replicas_publish_one_list_and_one_feed() {
    let Some(database) = postgres_or_skip() else { return };
    // Nobody listens at the address of the issuer: each replica is asked at its own.
    let issuer = format!("http://127.0.0.1:{}", free_port());
    let replicas = start(&database, &issuer, "").await;
    let bases: Vec<_> =
        replicas.iter().map(|one| format!("http://{}", one.cli.get("MAPAE_LISTEN"))).collect();
    let first = &replicas[0];
    first.user(USERNAME, PASSWORD).await;
    let arguments = ClientArguments::by_password().with("--status-list", "true");
    let app = first.register("app", &arguments).await;
    let watcher = ClientArguments::confidential(&["client_credentials"]);
    let watcher = watcher.with("--scope", "revocations:read:all");
    let watcher = first.register("watcher", &watcher).await.at(&bases[0]);
    let token = watcher.token(&[("grant_type", "client_credentials")]).await.ok();
    let token = token.text("access_token");
    let mut families = Vec::new();
    for number in 0..24 {
        let (access, refresh) = app.at(&bases[number % 3]).password("openid").await.pair();
        let claims = decode_claims(&access);
        let uri = claims["status"]["status_list"]["uri"].as_str().expect("a place").to_owned();
        let sid = claims["sid"].as_str().expect("a sid").to_owned();
        families.push((uri.strip_prefix(&issuer).expect("ours").to_owned(), sid, access, refresh));
    }
    let path = families[0].0.clone();
    eventually("one list, byte for byte, and one entity tag", async || {
        let all = join_all(bases.iter().map(|base| fetched(base, &path, ""))).await;
        let known = join_all(bases.iter().map(|base| fetched(base, &path, &all[0].1))).await;
        all[0].0 == 200
            && all.iter().all(|one| *one == all[0])
            && known.iter().all(|one| one.0 == 304 && one.1 == all[0].1)
    })
    .await;

    let start = http().get(format!("{}/revocations", bases[1])).bearer_auth(&token);
    let start = Reply::of(start.send().await.expect("an answer")).await.ok().text("next");
    let expected: BTreeSet<String> = families.iter().map(|family| family.1.clone()).collect();
    let revoking = async {
        for (number, some) in families.chunks(4).enumerate() {
            // Two replicas write at once, and the third only reads.
            let app = app.at(&bases[number % 2]);
            let other = app.at(&bases[(number + 1) % 2]);
            let all = some.iter().enumerate().map(|(at, family)| {
                let app = if at % 2 == 0 { &app } else { &other };
                app.revoke(&family.3)
            });
            for reply in join_all(all).await {
                reply.ok();
            }
        }
    };
    let following = async |first: usize, moves: bool| {
        let (mut place, mut told) = (start.clone(), Vec::new());
        for round in 0.. {
            let at = if moves { (first + round) % 3 } else { first };
            let (events, next) = followed(&bases[at], &token, &place).await;
            // Some answers are lost: the follower asks again from where it was.
            if moves && round % 3 == 2 {
                continue;
            }
            place = next;
            let sids = events.iter().filter(|event| event["kind"] == "sid");
            told.extend(sids.map(|event| event["value"].as_str().expect("a sid").to_owned()));
            if told.len() >= expected.len() {
                break;
            }
        }
        told
    };
    let ((), here, there, third, moving) = tokio::join!(
        revoking,
        following(0, false),
        following(1, false),
        following(2, false),
        following(0, true)
    );
    assert_eq!(here.iter().cloned().collect::<BTreeSet<_>>(), expected, "nothing missed");
    for told in [&there, &third, &moving] {
        assert_eq!(told, &here, "the same, once, in the same order");
    }
    assert_eq!(here.len(), expected.len(), "nothing twice");
    eventually("every replica serves what was revoked", async || {
        let all = join_all(bases.iter().map(|base| fetched(base, &path, ""))).await;
        let set = |list: &str, access: &str| {
            let place = &decode_claims(access)["status"]["status_list"]["idx"];
            let list = &decode_claims(list)["status_list"];
            let lst = list["lst"].as_str().expect("a list");
            let index = place.as_u64().expect("an index");
            mapae::oauth::status::lists::status_in(1, lst, index) == Some(1)
        };
        all.iter().all(|(_, _, list)| {
            families.iter().filter(|family| family.0 == path).all(|family| set(list, &family.2))
        })
    })
    .await;
}
