//! The throttle of failed sign-ins: which attempts it counts for whom, and that strangers cannot
//! keep a person out.

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use mapae::admin::authority::May;
use mapae::admin::users::Target;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::password::{PROXY, from, throttled};
use crate::social::fixtures::known;
use crate::support::{App, Browser, PASSWORD, Page, Server, both, eventually, form};

/// How many buckets hold a failure.
async fn filled(server: &Server) -> i64 {
    let now = server.now().now().timestamp_millis();
    let sql = format!("SELECT count(*) AS n FROM throttle WHERE empty_at > {now}");
    server.evidence().await.count(&sql).await
}

async fn ever_counted(server: &Server) -> i64 {
    server.evidence().await.count("SELECT count(*) AS n FROM throttle").await
}

/// How often a sign-in failed, as the audit says.
async fn failures(server: &Server) -> i64 {
    let sql = "SELECT CAST(COALESCE(SUM(times), 0) AS BIGINT) AS n FROM audit_event \
               WHERE kind = 'sign_in.failed'";
    server.evidence().await.count(sql).await
}

/// A request whose connection is still open.
pub(crate) async fn begin(
    server: &Server,
    path: &str,
    head: &str,
    fields: &[(&str, &str)],
) -> TcpStream {
    let host = server.issuer().strip_prefix("http://").unwrap();
    let body = form(fields);
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\n{head}\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(host).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    connection
}

/// Begins so many sign-ins at `/token` and hangs up while they are under way.
async fn hang_up_at_token(server: &Server, password: &str, times: usize) {
    let grant = [("grant_type", "password"), ("client_id", "app"), ("username", "alice")];
    let fields = [grant.as_slice(), &[("password", password)]].concat();
    let begun = join_all((0..times).map(|_| begin(server, "/token", "", &fields))).await;
    eventually("somebody is counted", async || ever_counted(server).await > 0).await;
    drop(begun);
}

/// The page where somebody signs in again, in a browser at this address.
async fn login_at(server: &Server, browser: Browser, app: &App, address: &str) -> (Browser, Page) {
    let mut browser = browser.saying("x-forwarded-for", address);
    // Whoever signed in at this very instant has done so again.
    server.advance(1);
    let page = browser.open(&app.authorization_url(&[("prompt", "login")])).await;
    assert!(page.has("login-submit"), "{}", page.reply.text);
    (browser, page)
}

/// Strangers guess at an account from ten addresses until none that it does not know gets in.
async fn beset(app: &App) {
    for address in 0..10 {
        for _ in 0..5 {
            let wrong = from(app, &format!("192.0.2.{address}"), "alice", "wrong").await;
            wrong.refused(400, "invalid_grant");
        }
    }
    throttled(&from(app, "192.0.2.99", "alice", PASSWORD).await);
}

both! {
    /// Whoever guesses must not learn from what is counted that they guessed right.
    async fn s076_the_right_password_of_a_disabled_account_counts_like_a_wrong_one(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.client("app", |_| {}).await;
        let store = &server.inner.services().store;
        mapae::admin::users::disable(&May::operator(), store, server.now(), Target::named("alice")).await.unwrap();
        for _ in 0..10 {
            app.password("read").await.refused(400, "invalid_grant");
        }
        assert_eq!(failures(&server).await, 10);
        app.password("read").await.refused(429, "temporarily_unavailable");
    }

    async fn whoever_hangs_up_during_a_right_sign_in_stays_counted_nowhere(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.public_client("app").await;
        hang_up_at_token(&server, PASSWORD, 24).await;
        eventually("no bucket holds anything", async || filled(&server).await == 0).await;
        app.password("read").await.ok();
        assert_eq!(failures(&server).await, 0);
    }

    async fn whoever_hangs_up_at_the_sign_in_page_stays_counted_nowhere(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browsers = Vec::new();
        for _ in 0..12 {
            let mut browser = server.browser();
            let page = browser.open(&app.authorization_url(&[])).await;
            browsers.push((browser, page));
        }
        let begun = browsers.iter().map(async |(browser, page)| {
            let jar = browser.cookies.iter().map(|(name, value)| format!("{name}={value}"));
            let head = format!("cookie: {}\r\n", jar.collect::<Vec<_>>().join("; "));
            let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
            let fields = [
                ("interaction", interaction.as_str()),
                ("csrf", &csrf),
                ("username", "alice"),
                ("password", PASSWORD),
            ];
            begin(&server, "/login", &head, &fields).await
        });
        let begun = join_all(begun).await;
        eventually("somebody is counted", async || ever_counted(&server).await > 0).await;
        drop(begun);
        eventually("no bucket holds anything", async || filled(&server).await == 0).await;
        let (mut browser, page) = browsers.pop().unwrap();
        // It was carried to its end: what was begun is done.
        let again = browser.sign_in(&page).await;
        assert!(again.location().is_some() || again.error_code() == "already_done", "{again:?}");
        assert_eq!(failures(&server).await, 0);
    }

    async fn a_clock_that_goes_back_keeps_nobody_with_the_right_password_out(database) {
        let server = Server::start_with(&database, &[PROXY]).await;
        server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        let app = server.public_client("app").await;
        from(&app, "192.0.2.1", "alice", PASSWORD).await.ok();
        from(&app, "192.0.2.2", "bob", "wrong").await.refused(400, "invalid_grant");
        eventually("only bob's failure counts", async || filled(&server).await == 3).await;
        server.advance(-3600);
        // Nothing was left in alice's buckets, so she may come as often as ever.
        let many = (0..20).map(|_| from(&app, "192.0.2.1", "alice", PASSWORD));
        for reply in join_all(many).await {
            reply.ok();
        }
        // How long ago bob failed cannot be told any more. He gets in, and guesses are still limited.
        from(&app, "192.0.2.2", "bob", PASSWORD).await.ok();
        from(&app, "192.0.2.2", "bob", "wrong").await.refused(400, "invalid_grant");
        let guesses = (0..10).map(|_| from(&app, "192.0.2.2", "bob", "wrong"));
        assert!(join_all(guesses).await.iter().any(|reply| reply.status == 429));
    }

    /// Hanging up is no way to guess uncounted.
    async fn whoever_hangs_up_during_a_wrong_sign_in_is_counted(database) {
        let server = Server::start(&database).await;
        server.alice().await;
        let app = server.public_client("app").await;
        hang_up_at_token(&server, "wrong", 10).await;
        eventually("each is written down", async || failures(&server).await == 10).await;
        throttled(&app.password("read").await);
    }

    async fn strangers_keep_nobody_out_of_a_browser_in_which_they_were_signed_in(database) {
        let server = Server::start_with(&database, &[PROXY]).await;
        server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let native = server.public_client("native").await;
        let (mut own, page) = login_at(&server, server.browser(), &app, "198.51.100.7").await;
        own.sign_in(&page).await.authorization_response().code();
        beset(&native).await;
        // The same browser at an address where nobody was before, and where others guess, too.
        let (mut own, page) = login_at(&server, own, &app, "192.0.2.99").await;
        own.sign_in(&page).await.authorization_response().code();
        let (mut other, page) = login_at(&server, server.browser(), &app, "192.0.2.98").await;
        assert_eq!(other.sign_in(&page).await.reply.status, 429);
        // It is known to nobody else: not with somebody else's cookie, nor for somebody else.
        let (mut theirs, page) = login_at(&server, server.browser(), &app, "198.51.100.8").await;
        theirs.sign_in_as(&page, "bob", PASSWORD).await.authorization_response().code();
        let (mut theirs, page) = login_at(&server, theirs, &app, "192.0.2.97").await;
        assert_eq!(theirs.sign_in(&page).await.reply.status, 429);
        // Guessing goes on in its own bucket alone, which has its bound.
        let (mut own, page) = login_at(&server, own, &app, "192.0.2.96").await;
        for _ in 0..10 {
            assert_eq!(own.sign_in_as(&page, "alice", "wrong").await.reply.status, 400);
        }
        assert_eq!(own.sign_in(&page).await.reply.status, 429);
        server.advance(30);
        own.sign_in(&page).await.authorization_response().code();
    }

    async fn what_makes_a_browser_known_is_a_cookie_that_opens_nothing(database) {
        let server = Server::start(&database).await;
        let sub = server.alice().await;
        let app = server.web_app("app", |client| client.metadata.first_party = true).await;
        let mut browser = server.browser();
        let page = browser.open(&app.authorization_url(&[])).await;
        let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
        let fields = [
            ("interaction", interaction.as_str()),
            ("csrf", &csrf),
            ("username", "alice"),
            ("password", "wrong"),
        ];
        let wrong = browser.post("/login", &fields).await;
        assert_eq!((wrong.reply.status.as_u16(), wrong.reply.header("set-cookie")), (400, ""));
        let mut fields = fields;
        fields[3].1 = PASSWORD;
        let right = browser.post("/login", &fields).await;
        let lines = right.reply.headers.get_all("set-cookie").iter();
        let lines: Vec<_> = lines.map(|line| line.to_str().unwrap()).collect();
        let known = lines.iter().find(|line| line.contains("-known=")).unwrap();
        for part in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax", "; Max-Age=15552000"] {
            assert!(known.contains(part), "{part} in {known}");
        }
        assert!(!known.contains(&sub) && !known.contains("alice"));
        let mut bare = server.browser();
        bare.cookies = browser.cookies.clone();
        bare.cookies.retain(|name, _| name.ends_with("-known"));
        assert_eq!(bare.cookies.len(), 1);
        assert!(bare.open("/account").await.has("login-submit"), "nobody is signed in by it");
    }

    async fn an_address_full_of_failures_keeps_nobody_out_whom_it_knows(database) {
        let settings = [PROXY, ("throttle.address.failures", "3")];
        let server = Server::start_with(&database, &settings).await;
        server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        let app = server.public_client("app").await;
        from(&app, "192.0.2.1", "alice", PASSWORD).await.ok();
        for n in 0..3 {
            from(&app, "192.0.2.1", &format!("n{n}"), "x").await.refused(400, "invalid_grant");
        }
        throttled(&from(&app, "192.0.2.1", "bob", PASSWORD).await);
        from(&app, "192.0.2.1", "alice", PASSWORD).await.ok();
        from(&app, "192.0.2.2", "bob", PASSWORD).await.ok();
    }

    async fn people_behind_an_app_of_its_own_server_have_a_bucket_each(database) {
        let settings = [PROXY, ("throttle.address.failures", "3")];
        let server = Server::start_with(&database, &settings).await;
        server.alice().await;
        server.user("bob", Some(PASSWORD)).await;
        let app = server.client("app", |_| {}).await;
        let other = server.client("other", |_| {}).await;
        for n in 0..5 {
            from(&app, "192.0.2.1", &format!("n{n}"), "x").await.refused(400, "invalid_grant");
        }
        for _ in 0..10 {
            from(&app, "192.0.2.1", "bob", "wrong").await.refused(400, "invalid_grant");
        }
        throttled(&from(&app, "192.0.2.1", "bob", PASSWORD).await);
        // Wherever its server stands.
        throttled(&from(&app, "192.0.2.2", "bob", PASSWORD).await);
        from(&app, "192.0.2.1", "alice", PASSWORD).await.ok();
        from(&other, "192.0.2.1", "bob", PASSWORD).await.ok();
    }

    async fn an_app_that_is_trusted_says_where_the_person_is(database) {
        let settings = [("throttle.address.failures", "3")];
        let server = Server::start_with(&database, &settings).await;
        server.alice().await;
        let trusted = server.client("trusted", |client| client.metadata.trust_user_ip = true).await;
        let other = server.client("other", |_| {}).await;
        let at = async |app: &App, user_ip: &str, username: &str, password: &str| {
            let grant = [("grant_type", "password"), ("username", username)];
            let fields = [("password", password), ("user_ip", user_ip)];
            app.token(&[grant, fields].concat()).await
        };
        for n in 0..3 {
            let wrong = at(&trusted, &format!("192.0.2.1:{n}"), &format!("n{n}"), "x").await;
            wrong.refused(400, "invalid_grant");
        }
        throttled(&at(&trusted, "192.0.2.1", "alice", PASSWORD).await);
        at(&trusted, "[2001:db8::1]:443", "alice", PASSWORD).await.ok();
        let signed_in = server.evidence().await.events_of("sign_in.succeeded").await;
        assert_eq!(signed_in[0].address.as_deref(), Some("2001:db8::1"));
        at(&trusted, "somewhere", "alice", PASSWORD).await.refused(400, "invalid_request");
        // Of the others nobody believes it: neither good nor bad.
        at(&other, "192.0.2.1", "alice", PASSWORD).await.ok();
        at(&other, "somewhere", "alice", PASSWORD).await.ok();
        let signed_in = server.evidence().await.events_of("sign_in.succeeded").await;
        assert_eq!(signed_in.last().unwrap().address.as_deref(), Some("127.0.0.1"));
    }

    async fn a_proxy_that_sends_ports_along_leaves_strangers_apart(database) {
        let server = Server::start_with(&database, &[PROXY]).await;
        server.alice().await;
        let app = server.public_client("app").await;
        for n in 0..10 {
            let address = format!("192.0.2.1:{}", 4000 + n);
            from(&app, &address, "alice", "wrong").await.refused(400, "invalid_grant");
        }
        throttled(&from(&app, "192.0.2.1:9", "alice", PASSWORD).await);
        from(&app, "192.0.2.2:9", "alice", PASSWORD).await.ok();
        from(&app, "[2001:db8::1%eth0]:443", "alice", PASSWORD).await.ok();
    }

    async fn the_throttle_says_nothing_of_which_names_are_one_account(database) {
        let server = Server::start_with(&database, &[PROXY]).await;
        known(&server, "alice", "alice@example.com", true).await;
        let app = server.public_client("app").await;
        let mut heard = Vec::new();
        for (place, name, address) in [
            (1, "alice", "alice@example.com"),
            (2, "nobody", "nobody@example.com"),
            (3, "Alice@Example.com", "alice"),
            (4, "Nobody@Example.com", "nobody"),
        ] {
            let mut answers = Vec::new();
            for typed in [name, address, name] {
                for _ in 0..11 {
                    let reply = from(&app, &format!("192.0.2.{place}"), typed, "wrong").await;
                    answers.push((reply.status, reply.text));
                }
            }
            heard.push(answers);
        }
        heard.dedup();
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert_eq!(heard[0].iter().filter(|(status, _)| *status == 400).count(), 20);
    }

    async fn the_throttle_counts_every_spelling_of_an_address_as_one_whoever_has_it(database) {
        let server = Server::start_with(&database, &[PROXY]).await;
        known(&server, "owner", "me@bücher.example", true).await;
        let app = server.public_client("app").await;
        let mut heard = Vec::new();
        for (place, local) in [(1, "me"), (2, "nobody")] {
            let mut answers = Vec::new();
            for domain in ["bücher.example", "xn--bcher-kva.example", "BÜCHER.example."] {
                for _ in 0..6 {
                    let typed = format!("{local}@{domain}");
                    let reply = from(&app, &format!("192.0.2.{place}"), &typed, "wrong").await;
                    answers.push((reply.status, reply.text));
                }
            }
            heard.push(answers);
        }
        heard.dedup();
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert_eq!(heard[0].iter().filter(|(status, _)| *status == 400).count(), 10);
    }

    /// Strangers, each from a network of their own, ask for more hashes than there are.
    async fn a_flood_of_strangers_lets_everybody_in_who_is_known(database) {
        let server = Server::start_with(&database, &[PROXY, ("hashing.threads", "1")]).await;
        server.alice().await;
        let app = server.public_client("app").await;
        from(&app, "198.51.100.7", "alice", PASSWORD).await.ok();
        let over = std::sync::atomic::AtomicBool::new(false);
        let strangers = stream::iter(0..5000)
            .take_while(|_| std::future::ready(!over.load(std::sync::atomic::Ordering::Relaxed)))
            .map(|n| {
                let app = app.clone();
                async move {
                    let (address, name) = (format!("2001:db8:{n:x}::1"), format!("n{n}"));
                    from(&app, &address, &name, "x").await.status.as_u16()
                }
            })
            .buffer_unordered(96)
            .collect::<Vec<u16>>();
        let known = async {
            let mut answers = Vec::new();
            for _ in 0..12 {
                let two = (0..2).map(|_| from(&app, "198.51.100.7", "alice", PASSWORD));
                answers.extend(join_all(two).await.into_iter().map(|reply| reply.status.as_u16()));
            }
            over.store(true, std::sync::atomic::Ordering::Relaxed);
            answers
        };
        let (strangers, known) = tokio::join!(strangers, known);
        assert_eq!(known, [200; 24]);
        // They are not turned away for ever either, and nobody is told more than to come again.
        assert!(strangers.contains(&400), "{strangers:?}");
        assert!(strangers.iter().all(|status| [400, 503].contains(status)), "{strangers:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_share_what_is_counted() {
    let Some(database) = crate::support::postgres_or_skip() else { return };
    let server = Server::start(&database).await;
    server.alice().await;
    let app = server.client("app", |_| {}).await;
    let replica = server.another().await;
    let base = format!("http://{}", replica.address());
    let there = app.at(&base);
    let both = join_all((0..40).map(|n| {
        let app = if n % 2 == 0 { &app } else { &there };
        app.password_as("alice", "wrong", "read")
    }));
    let checked = both.await.iter().filter(|reply| reply.status == 400).count();
    assert!(checked <= 10, "{checked}");
    throttled(&app.password("read").await);
    throttled(&there.password("read").await);
    replica.stop().await;
}
