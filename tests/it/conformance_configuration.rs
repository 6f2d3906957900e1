//! `tests/conformance/configure.py`: the clients that it names exist, their keys work, and the browser of
//! the suite finds its way.

mod connect_plans;
mod logout_plans;
mod mtls_plan;
mod suite_browser;

use std::os::unix::fs::PermissionsExt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use mapae::domain::clock::Clock;
use serde_json::{Value, json};
use tokio::process::Command;

use self::suite_browser::SuiteBrowser;
use crate::support::{
    App, Binary, CHALLENGE, Database, Holder, Reply, VERIFIER, decode_claims, decode_header, form,
    http, required_or_skip,
};

const PASSWORD: &str = "correct horse battery staple";
/// Where the suite is, if nothing else is said.
const SUITE: &str = "https://localhost.emobix.co.uk:8443";
/// The query of the second redirect URI of the plans of FAPI 2.0.
const DUMMY: &str = "?dummy1=lorem&dummy2=ipsum";
/// What the names of the modules of FAPI 2.0 begin with, in the plan for signed messages too.
const FAPI: &str = "fapi2-security-profile-final";

async fn configure(server: &Binary, plans: &[&str]) -> Result<Vec<Value>, String> {
    configure_with(server, &[], plans).await
}

/// The same with further flags.
async fn configure_with(
    server: &Binary,
    flags: &[&str],
    plans: &[&str],
) -> Result<Vec<Value>, String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/configure.py");
    let folder = server.cli.folder.path();
    let (password, out) = (folder.join("password.txt"), folder.join("plans"));
    std::fs::write(&password, PASSWORD).expect("written");
    let mut command = Command::new("python3");
    command.arg(script).args(["--issuer", &server.issuer(), "--username", "alice"]);
    command.arg("--mapae").arg(&server.cli.program).arg("--password-file").arg(&password);
    command.arg("--out").arg(&out).args(flags).args(plans).current_dir(folder);
    command.envs(server.cli.environment.iter().map(|(name, value)| (name, value)));
    let ran = command.output().await.map_err(|error| format!("python3: {error}"))?;
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let listed = std::fs::read_to_string(out.join("plans.txt")).expect("the plans");
    assert_eq!(listed.lines().count(), plans.len());
    let read = |plan: &&str| {
        let text = std::fs::read_to_string(out.join(format!("{plan}.json"))).expect("a plan");
        serde_json::from_str(&text).expect("JSON")
    };
    Ok(plans.iter().map(read).collect())
}

/// Where the suite takes answers for a plan.
fn callback(plan: &Value) -> String {
    let alias = plan["alias"].as_str().expect("an alias");
    format!("{SUITE}/test/a/{alias}/callback")
}

/// A client with the private key that the configuration has, and a key for its proofs.
struct KeyHolder<'a> {
    server: &'a Binary,
    plan: &'a Value,
    id: String,
    kid: String,
    key: EcdsaKeyPair,
    proofs: Holder,
}

impl<'a> KeyHolder<'a> {
    fn new(server: &'a Binary, plan: &'a Value, member: &str) -> Self {
        let client = &plan[member];
        let jwk = &client["jwks"]["keys"][0];
        let part = |name: &str| B64.decode(jwk[name].as_str().expect(name)).expect("base64url");
        let point = [vec![4], part("x"), part("y")].concat();
        let key = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &part("d"),
            &point,
        );
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self {
            server,
            plan,
            id: text(&client["client_id"]),
            kid: text(&jwk["kid"]),
            key: key.expect("a key"),
            proofs: Holder::new(&Clock::system()),
        }
    }

    /// Whether its plan is that for signed messages.
    fn signs(&self) -> bool {
        self.plan["alias"] == "mapae-ms"
    }

    fn app(&self) -> App {
        let id = self.id.clone();
        App { id, secret: None, base: self.server.issuer(), http: http() }
    }

    fn sign(&self, typ: &str, claims: &Value) -> String {
        let header = json!({ "alg": "ES256", "kid": self.kid, "typ": typ });
        let signed =
            format!("{}.{}", B64.encode(header.to_string()), B64.encode(claims.to_string()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).expect("signed");
        format!("{signed}.{}", B64.encode(signature))
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let now = Clock::system().now().timestamp();
        let issuer = self.server.issuer();
        let assertion = self.sign(
            "JWT",
            &json!({
                "iss": self.id, "sub": self.id, "aud": issuer, "iat": now, "exp": now + 60,
                "jti": uuid::Uuid::new_v4().to_string(),
            }),
        );
        let mut fields = fields.to_vec();
        fields.push((
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ));
        fields.push(("client_assertion", &assertion));
        let url = format!("{issuer}{path}");
        let request = http().post(&url).header("DPoP", self.proofs.prove("POST", &url, &json!({})));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Reply::of(request.body(form(&fields)).send().await.expect("an answer")).await
    }

    /// Pushes a request as the suite does it, signed where the plan says so, and returns where the
    /// browser goes with it.
    async fn push(&self, uri: &str) -> String {
        let scope = self.plan["client"]["scope"].as_str().expect("a scope");
        let mut claims = json!({
            "response_type": "code", "redirect_uri": uri, "scope": scope, "state": "s",
            "nonce": "n", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
            "client_id": self.id,
        });
        let asked: Vec<(String, String)> = if self.signs() {
            let now = Clock::system().now().timestamp();
            claims["response_mode"] = json!("jwt");
            claims["iss"] = json!(self.id);
            claims["aud"] = json!(self.server.issuer());
            (claims["nbf"], claims["exp"]) = (json!(now), json!(now + 300));
            vec![("request".to_owned(), self.sign("oauth-authz-req+jwt", &claims))]
        } else {
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            claims.as_object().expect("members").iter().map(|(k, v)| (k.clone(), text(v))).collect()
        };
        let asked: Vec<_> =
            asked.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let pushed = self.post("/par", &asked).await;
        assert_eq!(pushed.status, 201, "{}", pushed.text);
        self.app().pushed_url(&pushed)
    }

    /// The whole flow as the suite does it: pushed, bound, and signed both ways where the plan says so.
    async fn signs_in(&self, uri: &str) {
        let url = self.push(uri).await;
        let module = format!("{FAPI}-happy-flow");
        let page = SuiteBrowser::new(self.server, self.plan, &module).go(&url).await;
        let location = page.location().expect("back").to_owned();
        assert!(location.starts_with(uri), "{location}");
        let heard = page.authorization_response();
        let code = if self.signs() {
            let response = heard.get("response").to_owned();
            assert_eq!(decode_header(&response)["alg"], "ES256");
            decode_claims(&response)["code"].as_str().expect("a code").to_owned()
        } else {
            heard.code()
        };
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", uri),
            ("code_verifier", VERIFIER),
        ];
        let tokens = self.post("/token", &fields).await.ok();
        assert_eq!(tokens.text("token_type"), "DPoP");
        let resource = self.plan["resource"]["resourceUrl"].as_str().expect("an address");
        assert_eq!(resource, format!("{}/userinfo", self.server.issuer()));
        self.proofs.userinfo(&self.app(), &tokens.text("access_token")).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_names_clients_that_exist_and_keys_that_work() {
    let server = Binary::start(&Database::Sqlite).await;
    server.user("alice", PASSWORD).await;
    let plans = match configure(&server, &["sp-dpop", "ms", "dynamic"]).await {
        Ok(plans) => plans,
        Err(why) => return required_or_skip(&why),
    };
    let written = server.cli.folder.path().join("plans/ms.json");
    let everybody = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&written, everybody).expect("another mode");
    // A second run changes what the first one made.
    let plans_again = configure(&server, &["sp-dpop", "ms", "dynamic"]).await.expect("again");
    let mode = std::fs::metadata(&written).expect("a plan").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for (first, again) in plans.iter().zip(&plans_again).take(2) {
        assert_eq!(first["client"]["client_id"], again["client"]["client_id"]);
        assert_ne!(first["client"]["jwks"], again["client"]["jwks"]);
        let discovery = again["server"]["discoveryUrl"].as_str().expect("an address");
        let metadata = Reply::of(http().get(discovery).send().await.expect("an answer")).await.ok();
        assert_eq!(metadata.text("issuer"), server.issuer());
        for (name, query) in [("client", ""), ("client2", DUMMY)] {
            let client = KeyHolder::new(&server, again, name);
            let shown = server.cli(&["client", "show", "--id", &client.id], None).await;
            assert_eq!(
                (&shown["profile"], &shown["require_signed_request_object"]),
                (&json!("fapi2"), &json!(client.signs()))
            );
            client.signs_in(&format!("{}{query}", callback(again))).await;
        }
    }
    assert_eq!(plans[2]["client"]["client_name"], "mapae-dynamic");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_browser_of_the_suite_does_what_each_module_of_fapi_expects() {
    let server = Binary::start(&Database::Sqlite).await;
    server.user("alice", PASSWORD).await;
    let plans = match configure(&server, &["sp-dpop", "ms"]).await {
        Ok(plans) => plans,
        Err(why) => return required_or_skip(&why),
    };
    let modules = |plan: &Value| {
        let modules = plan["override"].as_object().expect("modules");
        modules.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(modules(&plans[0]), modules(&plans[1]));
    let plan = &plans[0];
    let (client, uri) = (KeyHolder::new(&server, plan, "client"), callback(plan));
    let app = client.app();
    let browser = |module: &str| SuiteBrowser::new(&server, plan, &format!("{FAPI}-{module}"));

    let url = client.push(&uri).await;
    let page = browser("user-rejects-authentication").go(&url).await;
    page.error_response("access_denied");

    let url = client.push(&uri).await;
    let mut twice = browser("par-attempt-reuse-request_uri");
    twice.go(&url).await.authorization_response().code();
    twice.go(&url).await.is_error("invalid_request_uri");
    assert_eq!(twice.pictures, ["error-code"]);

    let url = client.push(&uri).await;
    let module = "par-ensure-reused-request-uri-prior-to-auth-completion-succeeds";
    let mut twice = browser(module);
    assert!(twice.go(&url).await.has("login-submit"));
    assert!(twice.pictures.is_empty());
    twice.go(&url).await.authorization_response().code();
    assert_eq!(twice.pictures, ["login-submit"]);

    let other = KeyHolder::new(&server, plan, "client2").app();
    let url = client.push(&uri).await.replace(&app.id, &other.id);
    let mut refused = browser("par-attempt-to-use-request_uri-for-different-client");
    refused.go(&url).await.is_error("invalid_request_uri");
    assert_eq!(refused.pictures, ["error-code"]);

    // This one sends the person back.
    let url = app.authorization_url(&[("redirect_uri", &uri)]);
    let mut sent = browser("ensure-unsigned-authorization-request-without-using-par-fails");
    sent.go(&url).await.error_response("invalid_request");
    assert!(sent.pictures.is_empty());
}
