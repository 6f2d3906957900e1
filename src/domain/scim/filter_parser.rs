//! Reads filters by the grammar of RFC 7644 §3.4.2.2. `not` binds before `and`, `and` before `or`.

use chrono::{DateTime, Utc};

use super::attribute_name::{LONGEST, Named, named};
use super::filter::{Comparison, Filter, Operand, can_compare};
use super::refusal::{ScimRefusal, ScimResult, ScimType};
use super::schema::{Attribute, Mutability, ResourceType, Type};

/// How deep brackets may be nested.
const DEEPEST: usize = 20;

/// A word of a filter.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A name, an operator, `true`, `false`, `null`, or a number.
    Word(String),
    /// A text in quotes.
    Text(String),
    /// One of `(`, `)`, `[` and `]`.
    Sign(char),
}

/// Reads a filter.
pub(super) struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    of: ResourceType,
    /// The attribute to whose values the filter belongs, inside brackets.
    within: Option<&'static Attribute>,
    depth: usize,
}

fn bad(why: impl Into<String>) -> ScimRefusal {
    ScimRefusal::bad(ScimType::InvalidFilter, why)
}

impl Filter {
    /// Reads a filter on resources of this type.
    pub fn parse(text: &str, of: ResourceType) -> ScimResult<Self> {
        Parser::new(text, of, None)?.parse()
    }
}

impl Parser {
    /// A filter on the values of an attribute.
    pub(super) fn of_values(
        text: &str,
        of: ResourceType,
        within: &'static Attribute,
    ) -> ScimResult<Self> {
        if within.of != Type::Complex {
            return Err(bad(format!("{} has no parts to choose by", within.name)));
        }
        Self::new(text, of, Some(within))
    }

    fn new(text: &str, of: ResourceType, within: Option<&'static Attribute>) -> ScimResult<Self> {
        if text.len() > LONGEST {
            return Err(bad(format!("a filter has at most {LONGEST} bytes")));
        }
        Ok(Self { tokens: tokens(text)?.into_iter().peekable(), of, within, depth: 0 })
    }

    /// Reads all of it.
    pub(super) fn parse(mut self) -> ScimResult<Filter> {
        let filter = self.any()?;
        match self.tokens.next() {
            None => Ok(filter),
            Some(token) => Err(bad(format!("{token:?} does not belong at the end"))),
        }
    }

    fn any(&mut self) -> ScimResult<Filter> {
        let mut filter = self.all()?;
        while self.takes_word("or") {
            filter = Filter::Or(Box::new(filter), Box::new(self.all()?));
        }
        Ok(filter)
    }

    fn all(&mut self) -> ScimResult<Filter> {
        let mut filter = self.one()?;
        while self.takes_word("and") {
            filter = Filter::And(Box::new(filter), Box::new(self.one()?));
        }
        Ok(filter)
    }

    fn one(&mut self) -> ScimResult<Filter> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(bad(format!("brackets are nested more than {DEEPEST} times")));
        }
        let filter = self.one_here();
        self.depth -= 1;
        filter
    }

    fn one_here(&mut self) -> ScimResult<Filter> {
        match self.tokens.next() {
            Some(Token::Sign('(')) => self.in_brackets(),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("not") => {
                match self.tokens.next() {
                    Some(Token::Sign('(')) => Ok(Filter::Not(Box::new(self.in_brackets()?))),
                    _ => Err(bad("behind `not` stands a bracket")),
                }
            }
            Some(Token::Word(word)) => self.about(&word),
            Some(token) => Err(bad(format!("{token:?} stands where an attribute is expected"))),
            None => Err(bad("the filter ends too early")),
        }
    }

    fn in_brackets(&mut self) -> ScimResult<Filter> {
        let filter = self.any()?;
        self.closes(')')?;
        Ok(filter)
    }

    fn closes(&mut self, sign: char) -> ScimResult<()> {
        match self.tokens.next() {
            Some(Token::Sign(found)) if found == sign => Ok(()),
            _ => Err(bad(format!("`{sign}` is missing"))),
        }
    }

    fn takes_word(&mut self, expected: &str) -> bool {
        let is_it = |token: &Token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(expected));
        self.tokens.next_if(is_it).is_some()
    }

    /// What stands behind the name of an attribute.
    fn about(&mut self, name: &str) -> ScimResult<Filter> {
        let found = self.named(name)?;
        if self.tokens.next_if_eq(&Token::Sign('[')).is_some() {
            return self.values(found);
        }
        let Some(Token::Word(operator)) = self.tokens.next() else {
            return Err(bad(format!("behind {name:?} stands an operator")));
        };
        let operator = operator.to_ascii_lowercase();
        if operator == "pr" {
            return Ok(found.map_or(Filter::Nothing, Filter::Present));
        }
        let how = comparison(&operator)?;
        let Some(token) = self.tokens.next() else {
            return Err(bad(format!("behind {operator:?} stands a value")));
        };
        let Some(found) = found else {
            // What is not there is different from every value, and equal to nothing.
            let is_null = token == Token::Word("null".to_owned());
            return Ok(match (how, is_null) {
                (Comparison::Ne, false) | (Comparison::Eq, true) => {
                    Filter::Not(Box::new(Filter::Nothing))
                }
                _ => Filter::Nothing,
            });
        };
        let operand = operand(found.compared(), how, token)?;
        Ok(Filter::Compare(found, how, operand))
    }

    fn values(&mut self, found: Option<Named>) -> ScimResult<Filter> {
        match found {
            Some(Named { attribute, sub: None })
                if self.within.is_none() && attribute.of == Type::Complex =>
            {
                self.within = Some(attribute);
                let inside = self.any()?;
                self.within = None;
                self.closes(']')?;
                Ok(Filter::Values(attribute, Box::new(inside)))
            }
            _ => Err(bad("brackets stand behind an attribute with parts, and not in one another")),
        }
    }

    fn named(&self, name: &str) -> ScimResult<Option<Named>> {
        match self.within {
            // Inside brackets, sub-attributes stand for themselves.
            Some(attribute) => match attribute.sub(name) {
                Some(sub) => Ok(Some(Named { attribute: sub, sub: None })),
                None => Err(bad(format!("{} has no {name:?}", attribute.name))),
            },
            None => match named(name, self.of, bad)? {
                // Nobody finds out a password by asking for it.
                Some(found) if found.attribute.mutability == Mutability::WriteOnly => {
                    Err(bad(format!("{} cannot be asked for", found.attribute.name)))
                }
                found => Ok(found),
            },
        }
    }
}

fn comparison(word: &str) -> ScimResult<Comparison> {
    Ok(match word {
        "eq" => Comparison::Eq,
        "ne" => Comparison::Ne,
        "co" => Comparison::Co,
        "sw" => Comparison::Sw,
        "ew" => Comparison::Ew,
        "gt" => Comparison::Gt,
        "ge" => Comparison::Ge,
        "lt" => Comparison::Lt,
        "le" => Comparison::Le,
        _ => return Err(bad(format!("{word:?} is not an operator"))),
    })
}

fn operand(attribute: &Attribute, how: Comparison, token: Token) -> ScimResult<Operand> {
    let cannot = || bad(format!("{} cannot be compared so", attribute.name));
    let is_equality = matches!(how, Comparison::Eq | Comparison::Ne);
    if token == Token::Word("null".to_owned()) {
        return if is_equality { Ok(Operand::Null) } else { Err(cannot()) };
    }
    if !can_compare(attribute.of, how) {
        return Err(cannot());
    }
    match (attribute.of, token) {
        // Some connectors send truths as texts, like "True".
        (Type::Boolean, Token::Word(text) | Token::Text(text)) => {
            match text.to_ascii_lowercase().as_str() {
                "true" => Ok(Operand::Bool(true)),
                "false" => Ok(Operand::Bool(false)),
                _ => Err(cannot()),
            }
        }
        (Type::DateTime, Token::Text(text)) => {
            let instant = text.parse::<DateTime<Utc>>();
            instant.map(Operand::Instant).map_err(|_| bad(format!("{text:?} is not an instant")))
        }
        (Type::String | Type::Reference, Token::Text(text)) => Ok(Operand::Text(text)),
        _ => Err(cannot()),
    }
}

fn tokens(text: &str) -> ScimResult<Vec<Token>> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' | '[' | ']' => {
                found.push(Token::Sign(first));
                1
            }
            '"' => {
                let length = quoted(rest)?;
                let inside = rest.get(..length).unwrap_or_default();
                let read: Result<String, _> = serde_json::from_str(inside);
                let read = read.map_err(|_| bad("a text in quotes is JSON"))?;
                if read.contains('\0') {
                    return Err(bad("a text has no NUL"));
                }
                found.push(Token::Text(read));
                length
            }
            _ => {
                let ends = |c: char| c.is_whitespace() || "()[]\"".contains(c);
                let length = rest.find(ends).unwrap_or(rest.len());
                found.push(Token::Word(rest.get(..length).unwrap_or_default().to_owned()));
                length
            }
        };
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(found)
}

/// The length of the text in quotes with which this begins.
fn quoted(text: &str) -> ScimResult<usize> {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return Ok(at + 1),
            _ => {}
        }
    }
    Err(bad("a text in quotes does not end"))
}
