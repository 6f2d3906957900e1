//! Verifies a token from standard input: `ISSUER=… AUDIENCE=… cargo run --example verify < token`

use std::io::{Read, Write};

use mapae_verify::{Presented, Verifier};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<std::process::ExitCode, Box<dyn std::error::Error>> {
    let verifier = Verifier::builder(told("ISSUER")?, told("AUDIENCE")?).build()?;
    let mut token = String::new();
    std::io::stdin().read_to_string(&mut token)?;
    let mut out = std::io::stdout();
    match verifier.verify(Presented::bearer(token.trim())).await {
        Ok(token) => {
            writeln!(out, "good: {} for {}, until {}", token.sub, token.aud.join(" "), token.exp)?;
            Ok(0.into())
        }
        Err(refusal) => {
            writeln!(out, "refused: {}: {refusal}", refusal.reason())?;
            Ok(1.into())
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a program of its own")]
fn told(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("say {name} in the environment"))
}
