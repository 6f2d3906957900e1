//! Memory that was needed for a while is given back.

use crate::support::{Cli, ClientArguments, Database, PASSWORD, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_of_password_hashes_is_given_back_without_another_request() {
    const HASH: u64 = 64 * 1024;
    let mut cli = Cli::prepared(&Database::Sqlite).await;
    for (name, value) in [
        ("MAPAE_HASHING_MEMORY_KIB", HASH.to_string()),
        ("MAPAE_HASHING_PASSES", "1".to_owned()),
        ("MAPAE_HASHING_THREADS", "1".to_owned()),
    ] {
        cli.set(name, value);
    }
    let server = cli.serve().await;
    server.user("alice", PASSWORD).await;
    let app = server.register("app", &ClientArguments::by_password()).await;
    let before = server.memory();
    app.password("openid").await.pair();
    assert!(server.most_memory() > before + HASH * 3 / 4, "{} KiB", server.most_memory());
    eventually("most of it is given back", async || server.memory() < before + HASH / 2).await;
}
