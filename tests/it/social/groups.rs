//! Groups of a provider that are mapped to groups here.

use serde_json::{Value, json};

use super::fixtures::{about, by, exchange, exchanger, person};
use super::{table, with_idp};
use crate::support::upstream::{Answer, CLIENT_ID, CLIENT_SECRET, Oidc};
use crate::support::{App, Cli, Server, both, eventually};

const RULES: &str = "group_claim = \"groups\"\ngroup_map = [\"eng=developers\", \"cn=all,ou=x=staff\", \"eng=missing\"]";

async fn mapped(database: &crate::support::Database) -> (Server, Oidc, App, Cli) {
    let idp = Oidc::start().await;
    let (server, _) = with_idp(database, idp.base(), RULES).await;
    idp.follows(server.now());
    let native = exchanger(&server).await;
    let cli = server.cli().await;
    for group in ["developers", "staff", "by-hand", "eng"] {
        cli.json(&["group", "create", "--name", group], None).await;
    }
    (server, idp, native, cli)
}

/// Signs in by the provider, which says these groups, and returns the id of the person.
async fn comes(native: &App, idp: &Oidc, groups: Value) -> String {
    let claims = |claims: &mut Value| {
        if !groups.is_null() {
            claims["groups"] = groups;
        }
    };
    let about = about(native, exchange(native, "idp", idp, claims).await).await;
    about["sub"].as_str().unwrap().to_owned()
}

async fn groups_of(cli: &Cli, user: &str) -> Value {
    cli.json(&["user", "show", "--user", user], None).await["groups"].clone()
}

both! {
    async fn what_a_provider_says_is_given_and_taken_and_what_was_given_by_hand_stays(database) {
        let (server, idp, native, cli) = mapped(&database).await;
        // A group of theirs is no group of ours, even if it has the same name.
        let user = comes(&native, &idp, json!(["eng", "by-hand", "other", 5])).await;
        assert_eq!(groups_of(&cli, &user).await, json!(["developers"]));
        cli.json(&["user", "add-group", "--user", &user, "--group", "by-hand"], None).await;
        comes(&native, &idp, json!(["eng", "cn=all,ou=x"])).await;
        assert_eq!(groups_of(&cli, &user).await, json!(["by-hand", "developers", "staff"]));
        // What it does not say any more is taken away; one text is a list of one.
        comes(&native, &idp, json!("cn=all,ou=x")).await;
        assert_eq!(groups_of(&cli, &user).await, json!(["by-hand", "staff"]));
        // Given by hand as well: from now on it stays.
        cli.run(&["user", "add-group", "--user", &user, "--group", "staff"], None).await;
        comes(&native, &idp, json!([])).await;
        assert_eq!(groups_of(&cli, &user).await, json!(["by-hand", "staff"]));
        // A claim that is missing says that there is no group; what was given by hand before the provider
        // said it stays.
        comes(&native, &idp, json!(["eng", "cn=all,ou=x"])).await;
        assert_eq!(groups_of(&cli, &user).await, json!(["by-hand", "developers", "staff"]));
        comes(&native, &idp, Value::Null).await;
        assert_eq!(groups_of(&cli, &user).await, json!(["by-hand", "staff"]));
        let evidence = server.evidence().await;
        assert_eq!(evidence.count("SELECT count(*) AS n FROM provider_membership").await, 0);
        assert_eq!(evidence.events_of("group.member_removed").await.len(), 2);
    }

    async fn nobody_with_a_role_gets_a_group_from_a_provider(database) {
        let (_server, idp, native, cli) = mapped(&database).await;
        let user = comes(&native, &idp, json!(["eng"])).await;
        assert_eq!(groups_of(&cli, &user).await, json!(["developers"]));
        cli.json(&["user", "grant-role", "--user", &user, "--role", "auditor"], None).await;
        comes(&native, &idp, json!(["eng", "cn=all,ou=x"])).await;
        assert_eq!(groups_of(&cli, &user).await, json!([]));
        cli.json(&["user", "revoke-role", "--user", &user, "--role", "auditor"], None).await;
        comes(&native, &idp, json!(["eng"])).await;
        assert_eq!(groups_of(&cli, &user).await, json!(["developers"]));
    }

    async fn a_map_names_groups_that_exist_and_a_provider_that_is_deleted_says_nothing_any_more(database) {
        let idp = Oidc::start().await;
        let server = Server::start_social(&database, "").await;
        idp.follows(server.now());
        let native = exchanger(&server).await;
        let mut cli = server.cli().await;
        cli.set("MAPAE_OUTBOUND_ALLOW_PRIVATE", "true");
        let add = async |more: &[&str]| {
            let base = ["provider", "add", "--slug", "idp", "--preset", "oidc", "--issuer", idp.base(), "--client-id", CLIENT_ID, "--client-secret-stdin"];
            cli.run(&[&base[..], more].concat(), Some(CLIENT_SECRET)).await
        };
        for (more, words) in [
            (&["--group-claim", "groups", "--group-map", "eng=developers"][..], "no group"),
            (&["--group-map", "eng=developers"], "--group-map"),
            (&["--group-claim", "groups", "--group-map", "eng"], "THEIRS=OURS"),
        ] {
            let said = add(more).await;
            assert!(said.code != 0 && said.err.contains(words), "{more:?} {said:?}");
        }
        cli.json(&["group", "create", "--name", "developers"], None).await;
        let added = add(&["--group-claim", "groups", "--group-map", "eng=developers"]).await;
        assert_eq!(added.code, 0, "{added:?}");
        let eng = |claims: &mut Value| claims["groups"] = json!(["eng"]);
        eventually("the provider is known", async || exchange(&native, "idp", &idp, eng).await.status == 200).await;
        let user = comes(&native, &idp, json!(["eng"])).await;
        assert_eq!(groups_of(&cli, &user).await, json!(["developers"]));
        // Another map counts at the next sign-in.
        let changed = cli.json(&["provider", "update", "--slug", "idp", "--group-map", "ops=developers"], None).await;
        assert_eq!((&changed["group_claim"], &changed["group_map"]), (&json!("groups"), &json!(["ops=developers"])));
        eventually("the map is known", async || {
            comes(&native, &idp, json!(["eng"])).await;
            groups_of(&cli, &user).await == json!([])
        })
        .await;
        comes(&native, &idp, json!(["ops"])).await;
        assert_eq!(groups_of(&cli, &user).await, json!(["developers"]));
        cli.json(&["provider", "delete", "--slug", "idp"], None).await;
        assert_eq!(groups_of(&cli, &user).await, json!([]));
    }

    async fn groups_that_userinfo_alone_says_count_too(database) {
        let idp = Oidc::start().await;
        let (server, app) = with_idp(&database, idp.base(), RULES).await;
        idp.follows(server.now());
        let cli = server.cli().await;
        cli.json(&["group", "create", "--name", "developers"], None).await;
        let sub = idp.person().id;
        for (said, groups) in [(json!(["eng", 5]), json!(["developers"])), (json!(null), json!([]))] {
            idp.answers_with("/userinfo", Answer::json(200, &json!({ "sub": sub, "groups": said })));
            let arrived = by(&mut server.browser(), &app, "idp", &idp).await;
            let (claims, _) = person(&app, &arrived).await;
            assert_eq!(groups_of(&cli, claims["sub"].as_str().unwrap()).await, groups);
        }
    }

    async fn a_group_that_two_providers_give_stays_while_one_of_them_says_it(database) {
        let (one, other) = (Oidc::start().await, Oidc::start().await);
        other.change(|person| {
            "other".clone_into(&mut person.id);
            person.email = Some("other@example.com".to_owned());
        });
        let rules = "group_claim = \"groups\"\ngroup_map = [\"eng=developers\"]";
        let first = table("one", "oidc", one.base(), rules);
        let file = first + table("other", "oidc", other.base(), rules).as_str();
        let server = Server::start_social(&database, &file).await;
        one.follows(server.now());
        other.follows(server.now());
        let (native, cli) = (exchanger(&server).await, server.cli().await);
        cli.json(&["group", "create", "--name", "developers"], None).await;
        let comes = async |slug: &str, idp: &Oidc, groups: Value| {
            let said = exchange(&native, slug, idp, |claims| claims["groups"] = groups).await;
            about(&native, said).await["sub"].as_str().unwrap().to_owned()
        };
        let first = comes("one", &one, json!(["eng"])).await;
        let second = comes("other", &other, json!(["eng"])).await;
        assert_ne!(first, second);
        // The account of the second provider is connected to the first person.
        let evidence = server.evidence().await;
        evidence.run(&format!("UPDATE identity SET user_id = '{first}' WHERE provider = 'other'")).await;
        assert_eq!(comes("other", &other, json!(["eng"])).await, first);
        assert_eq!(groups_of(&cli, &first).await, json!(["developers"]));
        comes("one", &one, json!([])).await;
        assert_eq!(groups_of(&cli, &first).await, json!(["developers"]), "the other one says it");
        comes("other", &other, json!([])).await;
        assert_eq!(groups_of(&cli, &first).await, json!([]));
    }
}
