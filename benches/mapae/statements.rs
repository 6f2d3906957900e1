//! What the server sends to Postgres for one operation, made into scripts for pgbench: the same
//! statements with the same values, as often as they were sent.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::recorder::Executed;
use crate::wire::Value;

/// pgbench takes 128 scripts.
const SCRIPTS: usize = 120;
/// Kinds of transactions that were seen less often than these are left out.
const KINDS: usize = 24;

/// A script for pgbench.
pub(crate) struct Script {
    pub(crate) text: String,
    /// The values, which pgbench gives to the statements as parameters.
    pub(crate) variables: Vec<(String, String)>,
    /// How often it comes up, beside the others.
    pub(crate) weight: usize,
}

/// The statements of an operation.
pub(crate) struct Statements {
    pub(crate) scripts: Vec<Script>,
    /// How many transactions one request takes: one transaction may serve many requests.
    pub(crate) per_request: f64,
}

/// The position of the leaf of a family: generation and attempt.
pub(crate) type Leaves = HashMap<String, (i64, i64)>;

/// A transaction, or a statement alone.
type Transaction = Vec<Executed>;

impl Statements {
    /// Of what was executed while so many requests were answered.
    pub(crate) fn of(executed: Vec<Executed>, requests: f64, leaves: &Leaves) -> Self {
        let mut kinds: BTreeMap<Vec<Arc<str>>, Vec<Transaction>> = BTreeMap::new();
        for transaction in transactions(executed) {
            let texts = transaction.iter().map(Executed::kind).collect();
            kinds.entry(texts).or_default().push(transaction);
        }
        let mut kinds: Vec<Vec<Transaction>> = kinds.into_values().collect();
        kinds.sort_by_key(|kind| std::cmp::Reverse(kind.len()));
        kinds.truncate(KINDS);
        let count: usize = kinds.iter().map(Vec::len).sum();
        let mut scripts = Vec::new();
        for kind in kinds {
            // Many of each, so that two connections rarely want the same rows.
            let some = ((SCRIPTS - KINDS) * kind.len() / count).max(1);
            let step = kind.len().div_ceil(some);
            let chosen: Vec<_> = kind.iter().step_by(step).collect();
            for transaction in &chosen {
                let weight = (kind.len() * 100 / chosen.len()).max(1);
                scripts.push(Script::of(scripts.len(), transaction, weight, leaves));
            }
        }
        Self { scripts, per_request: count as f64 / requests }
    }
}

impl Executed {
    fn is_begin(&self) -> bool {
        self.text.starts_with("BEGIN")
    }

    /// The beginning of a transaction may say how long it may take, in the time that is left.
    fn kind(&self) -> Arc<str> {
        if self.is_begin() { Arc::from("BEGIN") } else { Arc::clone(&self.text) }
    }
}

/// Each connection's statements, from BEGIN to COMMIT or alone.
fn transactions(executed: Vec<Executed>) -> Vec<Transaction> {
    let mut open: HashMap<usize, Transaction> = HashMap::new();
    let mut done = Vec::new();
    for one in executed {
        let connection = one.connection;
        if one.is_begin() {
            open.insert(connection, vec![one]);
        } else if let Some(transaction) = open.get_mut(&connection) {
            let ends = one.text.starts_with("COMMIT") || one.text.starts_with("ROLLBACK");
            transaction.push(one);
            if ends {
                done.extend(open.remove(&connection));
            }
        } else if starts_with_a_word(&one.text) {
            done.push(vec![one]);
        }
    }
    done
}

/// A connection that is asked whether it is alive gets a comment.
fn starts_with_a_word(text: &str) -> bool {
    text.trim_start().starts_with(|first: char| first.is_ascii_alphabetic())
}

impl Script {
    fn of(number: usize, transaction: &[Executed], weight: usize, leaves: &Leaves) -> Self {
        let mut script = Self { text: String::new(), variables: Vec::new(), weight };
        for (at, one) in transaction.iter().enumerate() {
            script.add(&format!("s{number}_{at}"), one, leaves);
        }
        script
    }

    fn add(&mut self, name: &str, one: &Executed, leaves: &Leaves) {
        let mut values = one.values.clone();
        if one.text.contains("UPDATE family SET generation = step.generation") {
            stand_still(&mut values, leaves);
        }
        let new_ids = new_ids(&one.text, values.len());
        let mut words = Vec::new();
        for (at, Value { kind, text }) in values.into_iter().enumerate() {
            let variable = format!("{name}_{at}");
            let word = match text {
                _ if new_ids.contains(&at) => {
                    // An id that no other row has.
                    writeln!(self.text, "\\set n :n + 1").unwrap();
                    let id = "1000000000000 * (:client_id + 1) + :n";
                    writeln!(self.text, "\\set {variable} {id}").unwrap();
                    format!(":{variable}::{kind}")
                }
                None => format!("NULL::{kind}"),
                // pgbench takes no empty variable.
                Some(text) if text.is_empty() => format!("''::{kind}"),
                Some(text) => {
                    self.variables.push((variable.clone(), text));
                    format!(":{variable}::{kind}")
                }
            };
            words.push(word);
        }
        writeln!(self.text, "{};", with_words(&one.text, &words)).unwrap();
    }
}

/// Rotations can be done once. What is done again and again writes the same columns of the same
/// rows, with the leaf that they have.
fn stand_still(values: &mut [Value], leaves: &Leaves) {
    let [steps, until] = values else { panic!("a rotation with other values") };
    let mut all: Vec<Vec<Json>> = serde_json::from_str(steps.text.as_deref().unwrap()).unwrap();
    for step in &mut all {
        let (generation, attempt) = leaves[step[0].as_str().unwrap()];
        for (at, number) in [(1, generation), (2, attempt), (3, generation), (4, attempt)] {
            step[at] = json!(number);
        }
    }
    steps.text = Some(json!(all).to_string());
    until.text = Some("4000000000000".to_owned());
}

/// Which values are the ids of new rows.
fn new_ids(text: &str, values: usize) -> Vec<usize> {
    let names = text.strip_prefix("INSERT INTO ").and_then(|rest| rest.split_once(" ("));
    let Some((names, _)) = names.and_then(|(_, rest)| rest.split_once(')')) else { return vec![] };
    let columns = names.split(", ").count();
    if names.starts_with("\"id\"") { (0..values).step_by(columns).collect() } else { vec![] }
}

/// Puts words in the place of `$1`, `$2` and so on.
fn with_words(text: &str, words: &[String]) -> String {
    let mut parts = text.split('$');
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|one: char| !one.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(end);
        match number.parse::<usize>() {
            Ok(number) => all.push_str(&words[number - 1]),
            Err(_) => all.push('$'),
        }
        all.push_str(rest);
    }
    all
}
