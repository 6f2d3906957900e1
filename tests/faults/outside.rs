//! Providers, the mail server and the servers of apps are down, hang or are slow.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::crowd::{Crowd, LONGEST};
use crate::support::upstream::{CLIENT_ID, CLIENT_SECRET, Oidc};
use crate::support::{
    App, Binary, Browser, CALLBACK, Cli, ClientArguments, Database, Evidence, MAIL_PASSWORD,
    MailServer, PASSWORD, decode_claims, eventually, form,
};
use crate::{CannotRun, Outcome};

const PEOPLE: usize = 8;
/// Mails and notices in each phase.
const QUEUED: usize = 4;
/// What a chunk of bytes waits for where everything is slow.
const SLOW: Duration = Duration::from_millis(400);

/// What somebody outside does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Good,
    /// Connections are closed at once.
    Down,
    /// Connections are taken, and nothing comes.
    Hanging,
    /// Everything comes late.
    Slow,
}

/// What stands before somebody outside.
struct Gate {
    address: String,
    mode: watch::Sender<Mode>,
    task: JoinHandle<()>,
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Gate {
    async fn before(target: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (mode, seen) = watch::channel(Mode::Good);
        let task = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let (target, mut mode) = (target.clone(), seen.clone());
                        let now = *mode.borrow_and_update();
                        tokio::spawn(async move {
                            // A change closes what was open before.
                            tokio::select! {
                                () = pass(stream, &target, now) => {}
                                _ = mode.changed() => {}
                            }
                        });
                    }
                    Err(_) => sleep(SLOW).await,
                }
            }
        });
        Self { address, mode, task }
    }
}

async fn pass(mut stream: TcpStream, target: &str, mode: Mode) {
    if mode == Mode::Hanging {
        std::future::pending::<()>().await;
    }
    let Ok(mut there) = TcpStream::connect(target).await else { return };
    match mode {
        Mode::Good => drop(copy_bidirectional(&mut stream, &mut there).await),
        Mode::Slow => {
            let (mut from_client, mut to_client) = stream.split();
            let (mut from_server, mut to_server) = there.split();
            tokio::select! {
                () = slowly(&mut from_client, &mut to_server) => {}
                () = slowly(&mut from_server, &mut to_client) => {}
            }
        }
        Mode::Down | Mode::Hanging => {}
    }
}

async fn slowly(from: &mut (impl AsyncReadExt + Unpin), to: &mut (impl AsyncWriteExt + Unpin)) {
    let mut chunk = [0; 2048];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        sleep(SLOW).await;
        if to.write_all(&chunk[..length]).await.is_err() {
            return;
        }
    }
}

/// The settings of a provider that is called `idp`.
pub(crate) fn provider_table(issuer: &str) -> String {
    format!(
        "[[social]]\nslug = \"idp\"\npreset = \"oidc\"\nissuer = \"{issuer}\"\n\
         client_id = \"{CLIENT_ID}\"\nclient_secret = \"{CLIENT_SECRET}\"\n"
    )
}

/// The server of an app: the sessions that it was told the end of.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<BTreeSet<String>>>);

impl Told {
    async fn start(&self) -> String {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("an address").to_string();
        let router = Router::new().route("/logout", post(hear)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(socket, router).await });
        address
    }

    fn has(&self, sid: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(sid)
    }
}

async fn hear(State(told): State<Told>, body: String) {
    let token = body.strip_prefix("logout_token=").unwrap_or_default();
    if let Some(sid) = decode_claims(token)["sid"].as_str() {
        told.0.lock().unwrap_or_else(PoisonError::into_inner).insert(sid.to_owned());
    }
}

/// A server, and everybody outside behind gates.
struct Site {
    binary: Binary,
    mail: MailServer,
    idp: Oidc,
    told: Told,
    gates: [Gate; 3],
    web: App,
}

impl Site {
    async fn open() -> Self {
        let (mail, told) = (MailServer::start().await, Told::default());
        let gate_of_mail = Gate::before(mail.address.to_string()).await;
        let gate_of_app = Gate::before(told.start().await).await;
        let mut gate_of_idp = None;
        let idp = Oidc::start_behind(async |address| {
            let gate = Gate::before(address).await;
            let address = gate.address.clone();
            gate_of_idp = Some(gate);
            address
        })
        .await;
        let mut cli = Cli::new(&Database::Sqlite).await;
        let folder = cli.folder.path().to_owned();
        let file = folder.join("mapae.toml");
        std::fs::write(&file, provider_table(idp.base())).expect("written");
        let port = gate_of_mail.address.rsplit(':').next().expect("a port");
        for (name, value) in [
            ("MAPAE_CONFIG", file.to_str().expect("a path")),
            ("MAPAE_MAIL_URL", &format!("smtp://mapae:{MAIL_PASSWORD}@localhost:{port}")),
            ("MAPAE_OUTBOUND_CA_FILE", &mail.ca_file(&folder)),
            ("MAPAE_OUTBOUND_ALLOW_PRIVATE", "true"),
            ("MAPAE_THROTTLE_MAIL_ADDRESS_MAILS", "1000"),
        ] {
            cli.set(name, value);
        }
        let binary = cli.serve().await;
        let web = ClientArguments::confidential(&["authorization_code", "refresh_token"])
            .first_party()
            .with("--redirect-uri", CALLBACK)
            .with("--scope", "openid")
            .with("--backchannel-logout-uri", &format!("http://{}/logout", gate_of_app.address));
        let web = binary.register("web", &web).await;
        let gates = [gate_of_mail, gate_of_app, gate_of_idp.expect("a gate")];
        Self { binary, mail, idp, told, gates, web }
    }

    fn all_are(&self, mode: Mode) {
        for gate in &self.gates {
            gate.mode.send_replace(mode);
        }
    }

    fn browser(&self) -> Browser {
        Browser::new(&self.binary.issuer(), &self.web.http)
    }

    /// Somebody forgets their password, and their mail is queued.
    async fn forget(&self, email: &str) {
        let mut browser = self.browser();
        let login = browser.open("/account").await;
        let forgot = format!("/login/forgot?interaction={}", login.hidden("interaction"));
        let page = browser.open(&forgot).await;
        let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
        let fields =
            [("interaction", interaction.as_str()), ("csrf", &csrf), ("identifier", email)];
        let sent = browser.post("/login/forgot", &fields).await;
        assert!(sent.reply.status.as_u16() < 400, "{sent:?}");
    }

    /// Somebody signs in for the app and signs out again; the session of which the app hears.
    async fn sign_out(&self, name: &str) -> String {
        let mut browser = self.browser();
        let login = browser.open(&self.web.authorization_url(&[])).await;
        let page = browser.sign_in_as(&login, name, PASSWORD).await;
        let tokens = self.web.exchange(&page.authorization_response().code()).await.ok();
        let hint = tokens.text("id_token");
        let sid = decode_claims(&hint)["sid"].as_str().expect("a sid").to_owned();
        browser.open(&format!("/logout?{}", form(&[("id_token_hint", &hint)]))).await;
        sid
    }

    /// Somebody tries to sign in by the provider; whether they were signed in.
    async fn by_provider(&self, broken: &mut Vec<String>) -> bool {
        let mut browser = self.browser();
        let since = Instant::now();
        let login = browser.open(&self.web.authorization_url(&[])).await;
        let left = browser.start_upstream_login(&login, "idp").await;
        let mut page = left.clone();
        if let Some(away) = left.location().filter(|to| to.starts_with(self.idp.base())) {
            let callback = self.idp.approve(away);
            page = browser.complete_upstream_login(&callback).await;
        }
        let (status, took) = (page.reply.status.as_u16(), since.elapsed());
        if took > LONGEST || status == 500 {
            broken.push(format!("a sign-in by the provider was answered {status} after {took:?}"));
        }
        page.location().is_some_and(|to| to.contains("?code="))
    }
}

/// What the server stopped sending.
async fn given_up(evidence: &Evidence) -> Vec<String> {
    let mut found = Vec::new();
    for kind in ["mail.given_up", "logout_notice.given_up"] {
        let many = evidence.events_of(kind).await.len();
        if many > 0 {
            found.push(format!("{many} events {kind}"));
        }
    }
    found
}

/// Everybody outside is down, hangs and is slow, for so many seconds each.
pub(crate) async fn down(seconds: usize) -> Result<Outcome, CannotRun> {
    let site = Site::open().await;
    let crowd = Crowd::gather(&site.binary, &[site.binary.issuer()], PEOPLE).await;
    let mut outcome = Outcome::default();
    let (mut mails, mut sids, mut slowest) = (Vec::new(), Vec::new(), Duration::ZERO);
    let mut notes = Vec::new();
    for mode in [Mode::Down, Mode::Hanging, Mode::Slow] {
        site.all_are(mode);
        let (before, until) = (
            crowd.work.refreshed.load(std::sync::atomic::Ordering::SeqCst),
            Instant::now() + Duration::from_secs(seconds as u64),
        );
        for number in 0..QUEUED {
            let name = format!("{mode:?}{number}").to_lowercase();
            let email = format!("{name}@example.com");
            let arguments = ["user", "create", "--username", &name, "--email", &email];
            let arguments =
                [arguments.as_slice(), &["--email-verified", "--password-stdin"]].concat();
            site.binary.cli(&arguments, Some(PASSWORD)).await;
            site.forget(&email).await;
            sids.push(site.sign_out(&name).await);
            mails.push(email);
        }
        let mut signed_in = 0;
        while Instant::now() < until {
            let since = Instant::now();
            let reply = crowd.app.password_as("person0", PASSWORD, "read").await;
            slowest = slowest.max(since.elapsed());
            outcome.operations += 1;
            if reply.status != 200 {
                outcome.broken.push(format!("{mode:?}: a sign-in was answered {}", reply.status));
            }
            signed_in += usize::from(site.by_provider(&mut outcome.broken).await);
            outcome.operations += 1;
            sleep(Duration::from_millis(200)).await;
        }
        crowd.refreshes(PEOPLE).await;
        let refreshed = crowd.work.refreshed.load(std::sync::atomic::Ordering::SeqCst) - before;
        notes.push(format!("{mode:?}: {refreshed} refreshes, {signed_in} by the provider"));
        outcome.faults += site.gates.len();
    }
    site.all_are(Mode::Good);
    let evidence = site.binary.evidence().await;
    let queued = evidence.count("SELECT count(*) AS n FROM outbox").await;
    // The pauses between attempts are minutes by now: they are over.
    evidence.run("UPDATE outbox SET due_at = created_at").await;
    let since = Instant::now();
    let has_come = |email: &String| site.mail.received().iter().any(|mail| mail.to == *email);
    eventually("every mail comes", async || mails.iter().all(has_come)).await;
    eventually("every notice comes", async || sids.iter().all(|sid| site.told.has(sid))).await;
    let arrived = since.elapsed();
    let mut unheard = Vec::new();
    eventually("people sign in by the provider again", async || {
        let signed_in = site.by_provider(&mut unheard).await;
        if !signed_in {
            sleep(Duration::from_secs(1)).await;
        }
        signed_in
    })
    .await;
    outcome.broken.append(&mut unheard);
    outcome.broken.extend(given_up(&evidence).await);
    outcome.operations += mails.len() + sids.len();
    outcome.measured.push(format!(
        "{}; the slowest sign-in by password took {} ms; {} mails and {} notices came, {queued} \
         messages still waited at the end and came within {} ms",
        notes.join("; "),
        slowest.as_millis(),
        mails.len(),
        sids.len(),
        arrived.as_millis()
    ));
    let judged = crowd.judge(&evidence).await;
    outcome.operations += judged.operations;
    outcome.measured.insert(0, judged.measured);
    outcome.broken.extend(judged.broken);
    Ok(outcome)
}
