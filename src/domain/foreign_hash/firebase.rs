//! The parameters of Firebase's password hashes, as its console shows them.

use serde::Deserialize;

use super::base64_text::base64;

/// The parameters of the password hashes of a Firebase project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirebaseConfig {
    /// The signer key.
    pub signer_key: Vec<u8>,
    /// What stands behind the salt in every hash.
    pub separator: Vec<u8>,
    /// The block size of scrypt.
    pub rounds: u32,
    /// The binary logarithm of N.
    pub mem_cost: u8,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Written {
    algorithm: Option<String>,
    base64_signer_key: Option<String>,
    base64_salt_separator: Option<String>,
    rounds: Option<u32>,
    mem_cost: Option<u8>,
}

impl FirebaseConfig {
    /// Reads the block `hash_config { … }` of the console, or a JSON object with the same members.
    pub fn read(text: &str) -> Result<Self, String> {
        let written = match serde_json::from_str::<Written>(text) {
            Ok(written) => written,
            Err(_) => lines(text),
        };
        let Written { algorithm, base64_signer_key, base64_salt_separator, rounds, mem_cost } =
            written;
        if algorithm.is_some_and(|algorithm| algorithm != "SCRYPT") {
            return Err("the algorithm of the hash configuration has to be SCRYPT".to_owned());
        }
        let lacks = |name: &str| format!("the hash configuration lacks {name}, or it is damaged");
        let decoded = |text: Option<String>| text.as_deref().and_then(base64);
        let signer_key = decoded(base64_signer_key).filter(|key| !key.is_empty());
        Ok(Self {
            signer_key: signer_key.ok_or_else(|| lacks("base64_signer_key"))?,
            separator: decoded(base64_salt_separator)
                .ok_or_else(|| lacks("base64_salt_separator"))?,
            rounds: rounds.ok_or_else(|| lacks("rounds"))?,
            mem_cost: mem_cost.ok_or_else(|| lacks("mem_cost"))?,
        })
    }
}

/// Reads lines of the form `name: value,`.
fn lines(text: &str) -> Written {
    let mut written = Written::default();
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim().trim_end_matches(',').trim_matches('"').to_owned();
        match name.trim().trim_matches('"') {
            "algorithm" => written.algorithm = Some(value),
            "base64_signer_key" => written.base64_signer_key = Some(value),
            "base64_salt_separator" => written.base64_salt_separator = Some(value),
            "rounds" => written.rounds = value.parse().ok(),
            "mem_cost" => written.mem_cost = value.parse().ok(),
            _ => {}
        }
    }
    written
}
