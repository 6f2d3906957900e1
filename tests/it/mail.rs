//! Mails: sealed until they are sent, handed to a mail server over TLS, tried again, and given up.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::sync::Arc;

use chrono::Duration;
use mapae::domain::language::Language;
use mapae::domain::mail::{Mail, MailContent};
use mapae::domain::secret::Secret;
use mapae::keys::mail_key::MailKey;
use mapae::keys::seal::{MasterKey, MasterKeySource, Sealer};
use mapae::mail::Mailer;
use mapae::store::{Options, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::canary::forms;
use crate::support::certificates::Authority;
use crate::support::{
    Cli, Conduct, Database, Evidence, Letter, MAIL_PASSWORD, MailServer, Mailbox, Received, Server,
    Step, both, eventually, free_port, required_or_skip, write_secret,
};

const LINK: &str = "https://id.example/recover?secret=Canary-of-the-link-7f3a";
const CODE: &str = "CNRY-K3Y7";

/// A mail with secrets.
fn mail(to: &str) -> Mail {
    Mail {
        to: to.to_owned(),
        language: Language::default(),
        user: None,
        client: None,
        content: MailContent::SignUp { link: Secret::text(LINK), code: Secret::text(CODE) },
        expires_at: None,
    }
}

/// A server of ours that hands its mails to a mail server.
struct Mailing {
    server: Server,
    post: MailServer,
    evidence: Evidence,
    _folder: TempDir,
}

impl Mailing {
    async fn start(database: &Database) -> Self {
        let post = MailServer::start().await;
        let folder = tempfile::tempdir().unwrap();
        let settings =
            [("mail.url", &*post.url()), ("outbound.ca_file", &*post.ca_file(folder.path()))];
        let server = Server::start_with(database, &settings).await;
        let evidence = server.evidence().await;
        Self { server, post, evidence, _folder: folder }
    }

    async fn send(&self, mails: impl IntoIterator<Item = Mail>) {
        send(&self.server, mails).await;
    }

    /// Moves the clock and lets the server look at once.
    fn advance(&self, seconds: i64) {
        self.server.advance(seconds);
        self.server.inner.services().flows.notices.nudge();
    }

    async fn waiting(&self, which: &str) -> i64 {
        let waiting = format!("SELECT count(*) AS n FROM outbox WHERE kind = 'mail' AND {which}");
        self.evidence.count(&waiting).await
    }

    /// Waits until the mail server has this many mails and no more wait.
    async fn arrive(&self, count: usize) -> Vec<Received> {
        eventually("the mails arrive", async || {
            self.post.received().len() >= count && self.waiting("1 = 1").await == 0
        })
        .await;
        self.post.received()
    }

    /// Waits until an attempt has failed and the mail waits for the next one.
    async fn is_put_off(&self, attempts: usize) {
        let now = self.server.now().now().timestamp_millis();
        // A mail that is being sent is due after its lease, whose length is not that of a pause.
        let put_off =
            format!("attempts = {attempts} AND due_at > {now} AND due_at <> {}", now + 60_000);
        eventually("it is put off", async || self.waiting(&put_off).await == 1).await;
    }

    async fn given_up(&self) -> Vec<String> {
        let events = self.evidence.events_of("mail.given_up").await;
        events.into_iter().filter_map(|event| event.detail).collect()
    }
}

async fn send(server: &Server, mails: impl IntoIterator<Item = Mail>) {
    let services = server.inner.services();
    let mailer = services.flows.mailer.as_ref().expect("mails can be sent");
    let tx = services.store.begin(services.clock.now()).await.unwrap();
    for mail in mails {
        mailer.send(&tx, mail).await.unwrap();
    }
    tx.commit().await.unwrap();
    services.flows.notices.nudge();
}

both! {
    async fn a_mail_is_handed_over_with_tls_and_password_and_is_gone(database) {
        let mailing = Mailing::start(&database).await;
        mailing.send([mail("hana@example.com")]).await;
        let received = mailing.arrive(1).await.remove(0);
        assert!(received.is_encrypted && received.signed_in.is_some());
        assert_eq!(received.to, "hana@example.com");
        let letter = Letter::read(&received.data);
        assert_eq!((letter.link(), letter.code()), (LINK.to_owned(), CODE.to_owned()));
        assert!(received.header("Message-ID").ends_with("@localhost>"), "{}", received.data);
        assert_eq!(received.header("Auto-Submitted"), "auto-generated");
        assert!(!mailing.post.overheard().contains("MAIL") && !mailing.post.overheard().contains("AUTH"));
        assert!(mailing.given_up().await.is_empty());
    }

    async fn nothing_in_the_database_shows_what_a_mail_says(database) {
        let mailing = Mailing::start(&database).await;
        mailing.post.does(Conduct::Hangs(Step::Sender));
        mailing.send([mail("hana@example.com")]).await;
        let rows = mailing.evidence.texts("SELECT payload AS text FROM outbox").await;
        assert!(rows.len() == 1 && rows[0].contains("sign_up"), "{rows:?}");
        for secret in [LINK, CODE, "hana@example.com"] {
            for form in forms(secret) {
                assert!(!rows[0].contains(&form), "{secret} as {form}");
            }
        }
        mailing.post.open_gate();
        mailing.arrive(1).await;
    }

    async fn a_mail_server_that_hangs_delays_no_page_and_no_other_mail(database) {
        let mailing = Mailing::start(&database).await;
        mailing.post.does(Conduct::Hangs(Step::Recipient));
        mailing.send([mail("slow@example.com")]).await;
        eventually("it hangs", async || mailing.post.connections() == 1).await;
        let page = mailing.server.browser().open("/account").await;
        assert_eq!(page.reply.status, 200);
        mailing.post.does(Conduct::Takes);
        mailing.send([mail("quick@example.com")]).await;
        eventually("the other one arrives", async || mailing.post.received().len() == 1).await;
        mailing.post.open_gate();
        let received = mailing.arrive(2).await;
        assert_eq!([&*received[0].to, &*received[1].to], ["quick@example.com", "slow@example.com"]);
    }

    async fn what_is_not_taken_now_is_tried_again_by_the_same_name(database) {
        let mailing = Mailing::start(&database).await;
        let refusals = [
            Conduct::Answers(Step::Greeting, "554 5.3.2 not today"),
            Conduct::Answers(Step::SignIn, "535 5.7.8 wrong"),
            Conduct::Answers(Step::Sender, "550 5.7.1 not you"),
            Conduct::Answers(Step::Recipient, "450 4.2.0 greylisted"),
            Conduct::Answers(Step::Content, "554 5.6.0 spam"),
            Conduct::Closes(Step::Greeting),
            Conduct::Closes(Step::Recipient),
            Conduct::Closes(Step::Content),
            Conduct::OffersNoTls,
        ];
        mailing.post.does(refusals[0]);
        mailing.send([mail("hana@example.com")]).await;
        for (made, next) in refusals.iter().skip(1).chain([&Conduct::Takes]).enumerate() {
            mailing.is_put_off(made + 1).await;
            mailing.post.does(*next);
            mailing.advance(6 * 60 * 60);
        }
        assert_eq!(mailing.arrive(1).await.len(), 1);
        assert!(mailing.given_up().await.is_empty());
        assert!(!mailing.post.overheard().contains("AUTH"), "no password without TLS");
    }

    /// The answer was lost, so the mail is sent twice: whoever reads it can tell by its name.
    async fn a_mail_whose_answer_was_lost_is_sent_again_by_the_same_name(database) {
        let mailing = Mailing::start(&database).await;
        mailing.post.does(Conduct::Closes(Step::Taken));
        mailing.send([mail("hana@example.com")]).await;
        mailing.is_put_off(1).await;
        mailing.post.does(Conduct::Takes);
        mailing.advance(10);
        let received = mailing.arrive(2).await;
        assert_eq!(received.len(), 2);
        assert_eq!(received[0].header("Message-ID"), received[1].header("Message-ID"));
    }

    async fn a_recipient_that_is_refused_for_good_is_given_up_at_once(database) {
        let mailing = Mailing::start(&database).await;
        mailing.post.does(Conduct::Answers(Step::Recipient, "550 5.1.1 no such user"));
        let user = mailing.server.alice().await;
        let mut refused = mail("nobody@example.com");
        refused.user = Some(mapae::domain::user::UserId::from_stored(user.clone()));
        mailing.send([refused]).await;
        eventually("it is given up", async || mailing.waiting("1 = 1").await == 0).await;
        let events = mailing.evidence.events_of("mail.given_up").await;
        let [event] = &events[..] else { panic!("one event: {events:?}") };
        let detail = "sign_up: the mail server answered the recipient with 550 5.1.1";
        assert_eq!((event.detail.as_deref(), event.user.as_deref()), (Some(detail), Some(&*user)));
    }

    async fn an_address_that_is_none_is_given_up_and_adds_no_header(database) {
        let mailing = Mailing::start(&database).await;
        let bad = ["a@example.com\r\nBcc: b@example.com", "a@example.com, b@example.com", "nobody", ""];
        mailing.send(bad.map(mail)).await;
        eventually("all are given up", async || mailing.waiting("1 = 1").await == 0).await;
        assert_eq!(mailing.given_up().await, ["sign_up: nothing can be sent to this address"; 4]);
        assert_eq!(mailing.post.received().len(), 0);
    }

    async fn a_mail_is_given_up_after_a_day(database) {
        let mailing = Mailing::start(&database).await;
        mailing.post.does(Conduct::Closes(Step::Greeting));
        let began = mailing.server.now().now();
        mailing.send([mail("hana@example.com")]).await;
        let pauses = [10, 50, 240, 600, 2700, 3600, 7200, 14_400, 14_400, 21_600, 21_600];
        for (made, pause) in pauses.into_iter().enumerate() {
            mailing.is_put_off(made + 1).await;
            mailing.advance(pause);
        }
        eventually("it is given up", async || mailing.given_up().await == ["sign_up"]).await;
        assert_eq!(mailing.server.now().now() - began, Duration::hours(24));
        assert_eq!(mailing.waiting("1 = 1").await, 0);
    }

    async fn a_mail_whose_secret_has_ended_is_not_sent(database) {
        let mailing = Mailing::start(&database).await;
        let now = mailing.server.now().now();
        let ending = |to: &str, seconds| {
            Mail { expires_at: Some(now + Duration::seconds(seconds)), ..mail(to) }
        };
        mailing.send([ending("late@example.com", 0), ending("good@example.com", 60)]).await;
        let received = mailing.arrive(1).await;
        assert_eq!((received.len(), &*received[0].to), (1, "good@example.com"));
        assert_eq!(mailing.given_up().await, ["sign_up: too late"]);
    }

    async fn a_mail_that_was_undone_is_not_sent(database) {
        let mailing = Mailing::start(&database).await;
        let services = mailing.server.inner.services();
        let tx = services.store.begin(services.clock.now()).await.unwrap();
        services.flows.mailer.as_ref().unwrap().send(&tx, mail("undone@example.com")).await.unwrap();
        tx.abandon().await;
        mailing.send([mail("done@example.com")]).await;
        let received = mailing.arrive(1).await;
        assert_eq!((received.len(), &*received[0].to), (1, "done@example.com"));
    }

    async fn many_mails_share_few_connections(database) {
        let mailing = Mailing::start(&database).await;
        mailing.send((0..40).map(|number| mail(&format!("{number}@example.com")))).await;
        let received = mailing.arrive(40).await;
        let mut to: Vec<_> = received.iter().map(|mail| mail.to.clone()).collect();
        to.sort_unstable();
        to.dedup();
        assert_eq!((received.len(), to.len()), (40, 40));
        assert!(mailing.post.connections() <= 4, "{}", mailing.post.connections());
    }

    async fn two_servers_send_each_mail_once(database) {
        let mailing = Mailing::start(&database).await;
        // SQLite has one server.
        let other = match database {
            Database::Sqlite => None,
            Database::Postgres { .. } => Some(mailing.server.another().await),
        };
        for round in 0..5 {
            mailing.send((0..20).map(|number| mail(&format!("{round}-{number}@example.com")))).await;
            if let Some(other) = &other {
                other.services().flows.notices.nudge();
            }
        }
        let received = mailing.arrive(100).await;
        let mut names: Vec<_> = received.iter().map(|mail| mail.header("Message-ID").to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!((received.len(), names.len()), (100, 100));
        if let Some(other) = other {
            other.stop().await;
        }
    }

    async fn a_folder_gets_whole_mails_that_their_owner_alone_reads(database) {
        let mailbox = Mailbox::new();
        let settings = [
            ("mail.url", &*mailbox.url()),
            ("mail.from", "달빛 <hello@bücher.example>"),
            ("mail.reply_to", "help@example.com"),
        ];
        let server = Server::start_with(&database, &settings).await;
        let korean = Mail { language: Language::of_tag("ko").unwrap(), ..mail("hana@example.com") };
        send(&server, [korean]).await;
        let letter = mailbox.first_to("hana@example.com").await;
        assert_eq!((letter.link(), letter.code()), (LINK.to_owned(), CODE.to_owned()));
        assert_eq!(letter.from, "hello@xn--bcher-kva.example");
        assert!(letter.subject.contains("주소를 확인해 주세요"), "{}", letter.subject);
        assert!(letter.raw.contains("Reply-To: help@example.com\r\n"), "{}", letter.raw);
        for entry in std::fs::read_dir(mailbox.path()).unwrap() {
            let entry = entry.unwrap();
            assert!(entry.file_name().to_string_lossy().ends_with(".eml"), "{entry:?}");
            assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    async fn without_a_mail_url_nothing_can_be_mailed(database) {
        let server = Server::start(&database).await;
        assert!(server.inner.services().flows.mailer.is_none());
        assert!(server.inner.services().mail_delivery.is_none());
    }
}

/// Writes a mail into the outbox of an installation, as a server of it does.
async fn write(cli: &Cli, mail: Mail) {
    let clock = mapae::domain::clock::Clock::system();
    let store = Store::open(cli.get("MAPAE_DATABASE_URL"), &Options::default()).await.unwrap();
    let folder = cli.folder.path().join("keys");
    let master = MasterKey::load(&MasterKeySource::Folder(folder)).unwrap();
    let sealer = Sealer::new(&master).unwrap();
    let key = MailKey::open(&store, &clock, &sealer).await.unwrap();
    let tx = store.begin(clock.now()).await.unwrap();
    Mailer::new(Arc::new(key)).send(&tx, mail).await.unwrap();
    tx.commit().await.unwrap();
    store.close().await;
}

async fn installed(post: &MailServer) -> Cli {
    let mut cli = Cli::new(&Database::Sqlite).await;
    let ca_file = post.ca_file(cli.folder.path());
    cli.set("MAPAE_MAIL_URL", post.url());
    cli.set("MAPAE_OUTBOUND_CA_FILE", ca_file);
    cli.set("MAPAE_LOG", "trace");
    cli
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s163_no_secret_of_a_mail_is_in_the_log_or_in_the_database() {
    let post = MailServer::start().await;
    let binary = installed(&post).await.serve().await;
    // A mail server that repeats what it does not like.
    let echo =
        "554 5.6.0 refused: https://id.example/recover?secret=Canary-of-the-link-7f3a CNRY-K3Y7";
    post.does(Conduct::Answers(Step::Content, echo));
    write(&binary.cli, mail("hana@example.com")).await;
    eventually("it is refused", async || binary.log().contains("a mail was not sent")).await;
    let log = binary.whole_log().await;
    assert!(log.contains("the mail server answered the mail with 554 5.6.0"), "{log}");
    let mut places = vec![("the log", log)];
    for name in ["mapae.db", "mapae.db-wal"] {
        let bytes = std::fs::read(binary.cli.folder.path().join(name)).unwrap_or_default();
        places.push((name, String::from_utf8_lossy(&bytes).into_owned()));
    }
    for secret in [LINK, CODE, MAIL_PASSWORD] {
        for form in forms(secret) {
            for (place, text) in &places {
                let line = text.lines().find(|line| line.contains(&form));
                assert!(line.is_none(), "{secret} is in {place} as {form}: {line:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_waits_survives_a_change_of_the_master_key() {
    let post = MailServer::start().await;
    let mut binary = installed(&post).await.serve().await;
    binary.terminate().await;
    assert_eq!(binary.ended().await, Some(0));
    write(&binary.cli, mail("hana@example.com")).await;
    binary.cli(&["key", "rewrap"], None).await;
    binary.restart().await;
    eventually("it arrives", async || post.received().len() == 1).await;
    assert_eq!(Letter::read(&post.received()[0].data).link(), LINK);
}

/// Starts a mail server of another make, and returns its port and the mails that it prints.
async fn aiosmtpd(certificate: &str, key: &str) -> (Child, u16, Lines<BufReader<ChildStdout>>) {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mail/server.py");
    let mut command = Command::new(PYTHON);
    command.args([program, certificate, key]).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("python3");
    let mut lines = BufReader::new(child.stdout.take().expect("standard output")).lines();
    let port = lines.next_line().await.expect("a line").expect("a port").parse();
    (child, port.expect("a port"), lines)
}

/// The Python of the system, which has the packages of Debian.
const PYTHON: &str = "/usr/bin/python3";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_reaches_a_mail_server_of_another_make_and_is_read_as_it_was_written() {
    let has = Command::new(PYTHON).args(["-c", "import aiosmtpd"]).output().await;
    if !has.is_ok_and(|output| output.status.success()) {
        return required_or_skip("there is no aiosmtpd");
    }
    let mut cli = Cli::new(&Database::Sqlite).await;
    let authority = Authority::new();
    let pair = authority.issue(&["localhost"]);
    let [(_, certificate), (_, key)] = pair.settings(cli.folder.path());
    let ca_file = cli.folder.path().join("ca.pem");
    std::fs::write(&ca_file, authority.pem()).unwrap();
    let (_child, port, mut mails) = aiosmtpd(&certificate, &key).await;
    let url = format!("smtp://mapae:p%40ss%3Aword%2F%23@localhost:{port}");
    cli.set("MAPAE_MAIL_URL", &*url);
    cli.set("MAPAE_MAIL_FROM", "달빛 책방 <hello@example.com>");
    cli.set("MAPAE_OUTBOUND_CA_FILE", ca_file.display().to_string());
    for (language, subject, word) in
        [("en", "Test mail from mapae", "arrive"), ("ko", "mapae 시험 메일", "도착해요")]
    {
        let to = "hana@bücher.example";
        cli.json(&["mail", "test", "--to", to, "--language", language], None).await;
        let line = mails.next_line().await.unwrap().expect("a mail");
        let mail: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!((&mail["tls"], &mail["user"]), (&json!(true), &json!("mapae")), "{mail}");
        assert_eq!(mail["from"], "hello@example.com");
        assert_eq!(mail["to"], json!(["hana@xn--bcher-kva.example"]));
        assert_eq!(mail["defects"], json!([]), "{mail}");
        let headers = &mail["headers"];
        assert_eq!(headers["subject"], subject);
        assert_eq!(headers["from"], "달빛 책방 <hello@example.com>");
        assert_eq!(headers["auto-submitted"], "auto-generated");
        assert!(headers["message-id"].as_str().unwrap().ends_with("@example.com>"), "{mail}");
        assert!(headers["date"].as_str().unwrap().ends_with("+0000"), "{mail}");
        for form in ["text", "html"] {
            assert!(mail[form].as_str().unwrap().contains(word), "{mail}");
        }
    }
    let wrong = url.replace("word", "sword");
    cli.set("MAPAE_MAIL_URL", wrong);
    let said = cli.run(&["mail", "test", "--to", "hana@example.com"], None).await;
    assert!(said.code == 1 && said.err.contains("535"), "{said:?}");
}

async fn doctor(cli: &Cli) -> (bool, String) {
    let said = cli.run(&["doctor", "--json"], None).await;
    let report: Value = serde_json::from_str(&said.out).expect("a report");
    let checks = report["checks"].as_array().expect("checks").clone();
    let found = checks.into_iter().find(|check| check["check"] == "mail").expect("the check");
    (found["level"] == "ok", found["detail"].as_str().expect("words").to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_test_and_doctor_say_what_the_mail_server_answered() {
    let post = MailServer::start().await;
    let mut cli = installed(&post).await;
    let test = ["mail", "test", "--to", "hana@example.com"];
    assert_eq!(cli.json(&test, None).await["answer"], "250 2.0.0 taken");
    assert_eq!(post.received().remove(0).to, "hana@example.com");
    let (is_good, detail) = doctor(&cli).await;
    assert!(is_good && detail.contains("over TLS") && detail.contains("password"), "{detail}");
    for (conduct, words) in [
        (Conduct::Answers(Step::Greeting, "554 5.3.2 not today"), "554 5.3.2 not today"),
        (Conduct::Answers(Step::SignIn, "535 5.7.8 who are you"), "535 5.7.8 who are you"),
        (Conduct::Answers(Step::Recipient, "550 5.1.1 no such user"), "550 5.1.1 no such user"),
        (Conduct::Answers(Step::Content, "554 5.6.0 spam"), "554 5.6.0 spam"),
        (Conduct::OffersNoTls, "offers no STARTTLS"),
    ] {
        post.does(conduct);
        let said = cli.run(&test, None).await;
        assert!(said.code == 1 && said.err.contains(words), "{conduct:?}: {said:?}");
        let sees = !matches!(conduct, Conduct::Answers(Step::Recipient | Step::Content, _));
        let (is_good, detail) = doctor(&cli).await;
        assert_eq!(!is_good, sees, "{conduct:?}: {detail}");
        assert!(is_good || detail.contains(words), "{detail}");
    }
    post.does(Conduct::Takes);
    // An authority that nobody trusts.
    cli.set("MAPAE_OUTBOUND_CA_FILE", "");
    let said = cli.run(&test, None).await;
    assert!(said.code == 1 && said.err.contains("certificate"), "{said:?}");
    // Nobody is there.
    let port = free_port();
    cli.set("MAPAE_MAIL_URL", format!("smtp://localhost:{port}"));
    let said = cli.run(&test, None).await;
    assert!(said.code == 1 && said.err.contains("refused"), "{said:?}");
    cli.set("MAPAE_MAIL_URL", "");
    let said = cli.run(&test, None).await;
    assert!(said.code == 1 && said.err.contains("mail.url"), "{said:?}");
    assert!(doctor(&cli).await.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_of_the_mail_server_may_be_in_a_file_and_is_never_shown() {
    let post = MailServer::start().await;
    let mut cli = installed(&post).await;
    let file = cli.folder.path().join("mail.url");
    write_secret(&file, format!("{}\n", post.url()));
    cli.set("MAPAE_MAIL_URL", "");
    cli.set("MAPAE_MAIL_URL_FILE", file.display().to_string());
    cli.json(&["mail", "test", "--to", "hana@example.com"], None).await;
    assert_eq!(post.received().len(), 1);
    let shown = cli.run(&["config", "show"], None).await;
    assert!(shown.code == 0 && !shown.out.contains(MAIL_PASSWORD), "{shown:?}");
    for (url, problem) in [
        ("smtp://me:hunter2@mail?tls=perhaps", "tls=required"),
        ("imap://me:hunter2@mail", "smtp://"),
    ] {
        write_secret(&file, url);
        let said = cli.run(&["config", "check"], None).await;
        let told = format!("{}{}", said.out, said.err);
        assert!(said.code != 0 && !told.contains("hunter2"), "{told}");
        assert!(told.contains("mail.url_file") && told.contains(problem), "{told}");
    }
}
