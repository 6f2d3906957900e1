//! Three servers race each kind of secret that is good once: exactly one of many uses counts.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use futures_util::future::join_all;
use mapae::domain::clock::Clock;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use crate::outside::provider_table;
use crate::support::factors::{Authenticator as CodeApp, recovery_codes};
use crate::support::upstream::Oidc;
use crate::support::{
    App, Authenticator, Balancer, Binary, Browser, CALLBACK, Cli, ClientArguments, Evidence,
    Letter, Mailbox, OwnPostgres, PASSWORD, Page, eventually, form, free_port,
};
use crate::{CannotRun, Outcome, own_postgres};

const SERVERS: usize = 3;
/// How many use a secret at once.
const AT_ONCE: usize = 12;

/// The kinds of secrets that no test races at several servers.
#[derive(Clone, Copy, Debug)]
enum Kind {
    RecoveryLink,
    AddressLink,
    AddressCode,
    WayBackLink,
    InvitationLink,
    SignUpLink,
    SignInCode,
    RecoveryCode,
    ClientAssertion,
    CallbackState,
    PasskeyToSignIn,
    PasskeyToAdd,
}

const KINDS: [Kind; 12] = [
    Kind::RecoveryLink,
    Kind::AddressLink,
    Kind::AddressCode,
    Kind::WayBackLink,
    Kind::InvitationLink,
    Kind::SignUpLink,
    Kind::SignInCode,
    Kind::RecoveryCode,
    Kind::ClientAssertion,
    Kind::CallbackState,
    Kind::PasskeyToSignIn,
    Kind::PasskeyToAdd,
];

/// Servers behind a proxy, and those outside with whom they talk.
struct Site {
    issuer: String,
    app: App,
    evidence: Evidence,
    mails: Mailbox,
    idp: Oidc,
    key: EcdsaKeyPair,
    first: Binary,
    _others: Vec<Binary>,
    _balancer: Balancer,
    _postgres: OwnPostgres,
}

/// Somebody with an account, and their names.
struct Somebody {
    name: String,
    email: String,
}

pub(crate) async fn raced(rounds: usize) -> Result<Outcome, CannotRun> {
    let site = Site::open().await?;
    let mut outcome = Outcome::default();
    for round in 0..rounds {
        for kind in KINDS {
            let won = site.race(kind, round).await;
            outcome.operations += AT_ONCE;
            outcome.faults += 1;
            if won != 1 {
                outcome.broken.push(format!("{kind:?}: {won} of {AT_ONCE} uses counted"));
            }
        }
    }
    // What was done once is in the audit once.
    for (event, uses) in [
        ("recovery.link_used", 1),
        ("address.changed", 3),
        ("address.given_back", 1),
        ("recovery_code.used", 1),
        ("passkey.added", 2),
    ] {
        let written = site.evidence.events_of(event).await.len();
        if written != rounds * uses {
            outcome.broken.push(format!("{written} events {event} of {}", rounds * uses));
        }
    }
    outcome
        .measured
        .push(format!("{} kinds, {AT_ONCE} uses of each secret at {SERVERS} servers", KINDS.len()));
    Ok(outcome)
}

/// An HTTP client whose requests go to this server.
fn to(server: usize) -> reqwest::Client {
    let value = HeaderValue::from(server % SERVERS);
    let headers = HeaderMap::from_iter([(HeaderName::from_static("x-server"), value)]);
    let policy = reqwest::redirect::Policy::none();
    let client = reqwest::Client::builder().redirect(policy).default_headers(headers);
    client.build().expect("a client")
}

fn count(uses: Vec<bool>) -> usize {
    uses.into_iter().filter(|counted| *counted).count()
}

impl Site {
    async fn open() -> Result<Self, CannotRun> {
        let postgres = own_postgres(&[])?;
        let port = free_port();
        // Passkeys want the name of a host.
        let issuer = format!("http://localhost:{port}");
        let (mails, idp) = (Mailbox::new(), Oidc::start().await);
        let mut servers: Vec<Binary> = Vec::new();
        for _ in 0..SERVERS {
            let mut cli = match servers.first() {
                None => Cli::new(&postgres.database()).await,
                Some(first) => Cli::replica_of(first).await,
            };
            let file = cli.folder.path().join("mapae.toml");
            std::fs::write(&file, provider_table(idp.base())).expect("written");
            for (name, value) in [
                ("MAPAE_CONFIG", file.to_str().expect("a path")),
                ("MAPAE_ISSUER", &issuer),
                ("MAPAE_MAIL_URL", &mails.url()),
                ("MAPAE_SIGNUP_MODE", "open"),
                ("MAPAE_SIGNIN_MAIL_CODE", "true"),
                ("MAPAE_OUTBOUND_ALLOW_PRIVATE", "true"),
                // Cheap hashes: nobody waits so long for a thread that they are turned away.
                ("MAPAE_HASHING_MEMORY_KIB", "7168"),
                ("MAPAE_HASHING_PASSES", "1"),
                ("MAPAE_THROTTLE_MAIL_ADDRESS_MAILS", "1000"),
                ("MAPAE_THROTTLE_ADDRESS_FAILURES", "1000"),
                ("MAPAE_THROTTLE_ACCOUNT_FAILURES", "1000"),
                ("MAPAE_THROTTLE_ACCOUNT_AT_ADDRESS_FAILURES", "1000"),
            ] {
                cli.set(name, value);
            }
            servers.push(cli.serve().await);
        }
        let addresses: Vec<_> =
            servers.iter().map(|server| server.cli.get("MAPAE_LISTEN").to_owned()).collect();
        let balancer = Balancer::at(&format!("127.0.0.1:{port}"), &addresses).await;
        let balancer = balancer.ok_or_else(|| CannotRun("there is no haproxy".to_owned()))?;
        let first = servers.remove(0);
        let grants = ["authorization_code", "refresh_token"];
        let arguments = ClientArguments::confidential(&grants).first_party();
        let arguments = arguments.with("--redirect-uri", CALLBACK).with("--scope", "openid");
        let app = first.register("app", &arguments).await;
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let jwks = first.cli.folder.path().join("jwks.json");
        std::fs::write(&jwks, json!({ "keys": [public(&key)] }).to_string()).expect("written");
        let arguments = ClientArguments::confidential(&["client_credentials"])
            .with("--scope", "read")
            .with("--auth-method", "private_key_jwt")
            .with("--jwks", jwks.to_str().expect("a path"));
        first.register("signer", &arguments).await;
        let evidence = first.evidence().await;
        Ok(Self {
            issuer,
            app,
            evidence,
            mails,
            idp,
            key,
            first,
            _others: servers,
            _balancer: balancer,
            _postgres: postgres,
        })
    }

    fn browser(&self, server: usize) -> Browser {
        Browser::new(&self.issuer, &to(server))
    }

    async fn somebody(&self, kind: Kind, round: usize) -> Somebody {
        let name = format!("{kind:?}{round}").to_lowercase();
        let email = format!("{name}@example.com");
        let arguments = ["user", "create", "--username", &name, "--email", &email];
        let arguments = [arguments.as_slice(), &["--email-verified", "--password-stdin"]].concat();
        self.first.cli(&arguments, Some(PASSWORD)).await;
        Somebody { name, email }
    }

    async fn signed_in(&self, somebody: &Somebody, server: usize) -> (Browser, Page) {
        let mut browser = self.browser(server);
        let login = browser.open("/account/security").await;
        let page = browser.sign_in_as(&login, &somebody.name, PASSWORD).await;
        assert!(page.has("current-password"), "{}", page.reply.text);
        (browser, page)
    }

    /// How many of many uses of one secret counted.
    async fn race(&self, kind: Kind, round: usize) -> usize {
        match kind {
            Kind::InvitationLink => return self.invitation(round).await,
            Kind::SignUpLink => return self.sign_up(round).await,
            Kind::ClientAssertion => return self.assertion().await,
            Kind::CallbackState => return self.callback_state(round).await,
            _ => {}
        }
        let somebody = self.somebody(kind, round).await;
        match kind {
            Kind::RecoveryLink => self.recovery_link(&somebody).await,
            Kind::AddressLink | Kind::AddressCode | Kind::WayBackLink => {
                self.new_address(kind, &somebody).await
            }
            Kind::SignInCode => self.sign_in_code(&somebody).await,
            Kind::RecoveryCode => self.recovery_code(&somebody).await,
            Kind::PasskeyToSignIn | Kind::PasskeyToAdd => self.passkey(kind, &somebody).await,
            Kind::InvitationLink
            | Kind::SignUpLink
            | Kind::ClientAssertion
            | Kind::CallbackState => 0,
        }
    }

    /// Waits for the mail to this address whose text contains this.
    async fn mail(&self, to: &str, with: &str) -> Letter {
        let find = || {
            let all = self.mails.letters().into_iter();
            all.filter(|mail| mail.to == to).find(|mail| mail.text.contains(with))
        };
        eventually(&format!("a mail to {to} with {with}"), async || find().is_some()).await;
        find().expect("a mail")
    }

    /// Presses the button behind a link in as many browsers at once, each of its own; how many of
    /// them came to a page with this element.
    async fn pressed(&self, link: &str, has: &str) -> usize {
        let mut ready = Vec::new();
        for number in 0..AT_ONCE {
            let mut browser = self.browser(number);
            let page = browser.open(link).await;
            let secret = page.hidden("secret");
            ready.push((browser, secret));
        }
        let path = link.strip_prefix(&self.issuer).expect("a link to this issuer");
        let path = path.split('?').next().expect("a path");
        let uses = ready.into_iter().map(async |(mut browser, secret)| {
            let page = browser.post(path, &[("secret", &secret)]).await;
            browser.follow(page).await.has(has)
        });
        count(join_all(uses).await)
    }

    async fn recovery_link(&self, somebody: &Somebody) -> usize {
        let mut browser = self.browser(0);
        let login = browser.open("/account").await;
        let forgot = format!("/login/forgot?interaction={}", login.hidden("interaction"));
        let page = browser.open(&forgot).await;
        submit(&mut browser, &page, "/login/forgot", &[("identifier", &somebody.name)]).await;
        let link = self.mail(&somebody.email, "/recover").await.link();
        self.pressed(&link, "new-password-submit").await
    }

    async fn new_address(&self, kind: Kind, somebody: &Somebody) -> usize {
        let (mut browser, account) = self.signed_in(somebody, 1).await;
        let new = format!("{}@example.org", somebody.name);
        let page = browser.send_account(&account, "/account/email", &[("email", &new)]).await;
        let page = browser.follow(page).await;
        let proof = self.mail(&new, "/confirm-address").await;
        if let Kind::AddressCode = kind {
            let code = proof.code();
            let uses = (0..AT_ONCE).map(|number| {
                let (mut tab, page, code) = (browser.through(&to(number)), page.clone(), &code);
                async move {
                    let sent = [("code", code.as_str())];
                    tab.send_account(&page, "/account/email/code", &sent).await
                }
            });
            // Whoever sends the form once more is led on all the same, so the changes are counted.
            let changes = async || self.evidence.events_of("address.changed").await.len();
            let before = changes().await;
            join_all(uses).await;
            return changes().await - before;
        }
        let counted = self.pressed(&proof.link(), "mail-account").await;
        if let Kind::AddressLink = kind {
            return counted;
        }
        let back = self.mail(&somebody.email, "/undo-address").await;
        self.pressed(&back.link(), "new-password-submit").await
    }

    async fn invitation(&self, round: usize) -> usize {
        let email = format!("guest{round}@example.com");
        self.first.cli(&["user", "invite", "--email", &email], None).await;
        let link = self.mail(&email, "/sign-up/invitation").await.link();
        self.pressed(&link, "signup-name").await
    }

    async fn sign_up(&self, round: usize) -> usize {
        let email = format!("new{round}@example.com");
        let mut browser = self.browser(2);
        let login = browser.open("/account").await;
        let page = format!("/sign-up?interaction={}", login.hidden("interaction"));
        let page = browser.open(&page).await;
        submit(&mut browser, &page, "/sign-up", &[("email", &email)]).await;
        let link = self.mail(&email, "/sign-up/confirm").await.link();
        self.pressed(&link, "signup-name").await
    }

    async fn sign_in_code(&self, somebody: &Somebody) -> usize {
        let mut browser = self.browser(0);
        let login = browser.open("/account").await;
        let asked = [("username", somebody.name.as_str())];
        let page = submit(&mut browser, &login, "/login/code/send", &asked).await;
        let code = self.mail(&somebody.email, "").await.code();
        let uses = (0..AT_ONCE).map(|number| {
            let (mut tab, page, code) = (browser.through(&to(number)), page.clone(), &code);
            async move {
                let page = submit(&mut tab, &page, "/login/code", &[("code", code)]).await;
                page.has("account-sign-out")
            }
        });
        count(join_all(uses).await)
    }

    async fn recovery_code(&self, somebody: &Somebody) -> usize {
        let (mut home, account) = self.signed_in(somebody, 0).await;
        let begun = home.send_account(&account, "/account/security/one-time-codes/add", &[]).await;
        let page = home.follow(begun).await;
        let (new, code) = (page.hidden("new"), CodeApp::of(&page).code_at(&Clock::system(), 0));
        let fields = [("new", new.as_str()), ("code", &code)];
        let shown = home.send_account(&page, "/account/security/one-time-codes", &fields).await;
        let code = recovery_codes(&shown).remove(0);
        let mut asked = Vec::new();
        for number in 0..AT_ONCE {
            let mut browser = self.browser(number);
            let login = browser.open(&self.app.authorization_url(&[])).await;
            let page = browser.sign_in_as(&login, &somebody.name, PASSWORD).await;
            assert!(page.has("recovery-code"), "{}", page.reply.text);
            asked.push((browser, page));
        }
        let fields = [("with", "recovery-code"), ("recovery-code", code.as_str())];
        let uses = asked.iter_mut().map(async |(browser, page)| {
            browser.send_factor(page, &fields).await.reply.status == 303
        });
        count(join_all(uses).await)
    }

    async fn assertion(&self) -> usize {
        let now = Clock::system().now().timestamp();
        let claims = json!({
            "iss": "signer", "sub": "signer", "aud": self.issuer, "iat": now, "exp": now + 300,
            "jti": uuid::Uuid::new_v4().to_string(),
        });
        let assertion = signed(&self.key, &claims);
        let body = form(&[
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
        ]);
        let uses = (0..AT_ONCE).map(|number| {
            let request = to(number).post(format!("{}/token", self.issuer)).body(body.clone());
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            async move { request.send().await.expect("an answer").status() == 200 }
        });
        count(join_all(uses).await)
    }

    async fn callback_state(&self, round: usize) -> usize {
        self.idp.change(|person| {
            person.id = format!("person{round}");
            person.email = None;
        });
        let mut browser = self.browser(1);
        let login = browser.open(&self.app.authorization_url(&[])).await;
        let left = browser.start_upstream_login(&login, "idp").await;
        let callback = self.idp.approve(left.location().expect("sent away"));
        let uses = (0..AT_ONCE).map(|number| {
            let (mut tab, url) = (browser.through(&to(number)), callback.url());
            async move { tab.get(&url).await.location().is_some() }
        });
        count(join_all(uses).await)
    }

    async fn passkey(&self, kind: Kind, somebody: &Somebody) -> usize {
        let (mut home, account) = self.signed_in(somebody, 2).await;
        let mut passkey = Authenticator::at(&self.issuer);
        let credential = passkey.create(&account.passkey_options("create"));
        let challenge = account.hidden("challenge");
        let fields = [("challenge", challenge.as_str()), ("credential", credential.as_str())];
        if let Kind::PasskeyToAdd = kind {
            let uses = (0..AT_ONCE).map(|number| {
                let (mut tab, account) = (home.through(&to(number)), account.clone());
                async move { tab.send_account(&account, "/account/passkeys/add", &fields).await }
            });
            join_all(uses).await;
            // Who sends the form once more is shown the same page, so the rows are counted.
            let of_user = format!(
                "SELECT count(*) AS n FROM passkey JOIN account ON account.id = user_id \
                 WHERE username = '{}'",
                somebody.name
            );
            return usize::try_from(self.evidence.count(&of_user).await).expect("a count");
        }
        home.send_account(&account, "/account/passkeys/add", &fields).await;
        let mut browser = self.browser(0);
        let login = browser.open(&self.app.authorization_url(&[])).await;
        let answer = passkey.get(&login.passkey_options("get"));
        let fields = ["interaction", "csrf", "challenge"].map(|name| (name, login.hidden(name)));
        let uses = (0..AT_ONCE).map(|number| {
            let mut tab = browser.through(&to(number));
            let mut fields: Vec<_> =
                fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            fields.push(("credential", &answer));
            async move {
                let page = tab.post("/login/passkey", &fields).await;
                tab.follow(page).await.location().is_some_and(|to| to.contains("?code="))
            }
        });
        count(join_all(uses).await)
    }
}

/// Sends a form of an interaction and follows redirects.
async fn submit(browser: &mut Browser, page: &Page, path: &str, more: &[(&str, &str)]) -> Page {
    let (interaction, csrf) = (page.hidden("interaction"), page.hidden("csrf"));
    let mut fields = vec![("interaction", interaction.as_str()), ("csrf", &csrf)];
    fields.extend(more);
    let page = browser.post(path, &fields).await;
    browser.follow(page).await
}

fn public(key: &EcdsaKeyPair) -> Value {
    let point = key.public_key().as_ref();
    let (x, y) = (BASE64.encode(&point[1..33]), BASE64.encode(&point[33..]));
    json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y })
}

fn signed(key: &EcdsaKeyPair, claims: &Value) -> String {
    let header = json!({ "alg": "ES256", "typ": "JWT" }).to_string();
    let message = format!("{}.{}", BASE64.encode(header), BASE64.encode(claims.to_string()));
    let random = aws_lc_rs::rand::SystemRandom::new();
    let signature = key.sign(&random, message.as_bytes()).expect("signed");
    format!("{message}.{}", BASE64.encode(signature))
}
