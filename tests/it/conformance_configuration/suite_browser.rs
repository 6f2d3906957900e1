//! The browser of the conformance suite: it does in our pages what the configuration tells it.

use serde_json::{Value, json};

use crate::support::{Binary, Browser, Page, attribute, http};

/// A browser with what is written for a module.
pub(super) struct SuiteBrowser {
    /// What it does, by the address to which the suite sends it.
    entries: Vec<Value>,
    browser: Browser,
    /// The elements for which it took a picture of their page.
    pub(super) pictures: Vec<String>,
}

impl SuiteBrowser {
    /// A new browser for a module, for which the plan may have something of its own.
    pub(super) fn new(server: &Binary, plan: &Value, module: &str) -> Self {
        let own = &plan["override"][module]["browser"];
        let entries = if own.is_null() { &plan["browser"] } else { own };
        Self {
            entries: entries.as_array().expect("entries").clone(),
            browser: Browser::new(&server.issuer(), &http()),
            pictures: Vec::new(),
        }
    }

    /// Goes to an address, does what is written for it, and returns where that ended.
    pub(super) async fn go(&mut self, url: &str) -> Page {
        let tasks = self.tasks(url);
        let mut page = self.browser.open(url).await;
        for task in &tasks {
            if !matches(&task["match"], &address(&page)) {
                assert_eq!(task["optional"], true, "{task} at {}", address(&page));
                continue;
            }
            let mut typed = Vec::new();
            for command in task["commands"].as_array().into_iter().flatten() {
                match word(command, 0) {
                    "text" => typed.extend(typed_into(&page, command)),
                    "click" => page = self.press(&page, word(command, 2), &typed).await,
                    "wait" => self.wait(&page, command),
                    unknown => panic!("{unknown}"),
                }
            }
        }
        page
    }

    /// The tasks of the first entry for this address that may still be used.
    fn tasks(&mut self, url: &str) -> Vec<Value> {
        for entry in &mut self.entries {
            if !matches(&entry["match"], url) || entry["match-limit"] == 0 {
                continue;
            }
            if let Some(limit) = entry["match-limit"].as_u64() {
                entry["match-limit"] = json!(limit - 1);
            }
            return entry["tasks"].as_array().expect("tasks").clone();
        }
        panic!("nothing is written for {url}");
    }

    fn wait(&mut self, page: &Page, command: &Value) {
        let (kind, target) = (word(command, 1), word(command, 2));
        match (kind, target) {
            ("contains", _) => assert!(address(page).contains(target), "{target} in {page:?}"),
            // It is on a page of the suite.
            ("id", "submission_complete") => {}
            _ => assert!(kind == "id" && page.has(target), "{kind} {target} in {page:?}"),
        }
        if command[5] == "update-image-placeholder-optional" {
            self.pictures.push(target.to_owned());
        }
    }

    /// Presses the button of this id, which sends its form.
    async fn press(&mut self, page: &Page, id: &str, typed: &[(String, String)]) -> Page {
        let button = format!("id=\"{id}\"");
        let forms = page.reply.text.split("<form").skip(1);
        let mut forms = forms.filter_map(|rest| rest.split_once("</form>")).map(|(form, _)| form);
        let form = forms.find(|form| form.contains(&button));
        let tags: Vec<_> = tags(form.unwrap_or_else(|| panic!("{id} in {page:?}"))).collect();
        let mut fields = Vec::new();
        for tag in &tags {
            let is_field = tag.starts_with("input ") && !tag.contains("type=\"checkbox\"");
            let name = attribute(tag, "name").filter(|_| is_field || tag.contains(&button));
            let Some(name) = name else { continue };
            let given = typed.iter().find(|(field, _)| *field == name);
            let value = given.map(|(_, value)| value.clone()).or_else(|| attribute(tag, "value"));
            fields.push((name, value.unwrap_or_default()));
        }
        let fields: Vec<_> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let action = attribute(tags[0], "action").expect("an action");
        let sent = self.browser.post(&action, &fields).await;
        self.browser.follow(sent).await
    }
}

/// The tags of a piece of a page.
fn tags(html: &str) -> impl Iterator<Item = &str> {
    html.split('<').filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag)
}

fn word(command: &Value, at: usize) -> &str {
    command[at].as_str().expect("a word")
}

/// Whether an address is one of these: an asterisk at the end stands for anything.
fn matches(pattern: &Value, address: &str) -> bool {
    let pattern = pattern.as_str().expect("a pattern");
    pattern.strip_suffix('*').map_or(address == pattern, |start| address.starts_with(start))
}

/// Where the browser is: at the end of a redirect, where a page posts its form by itself, or at a page
/// of ours.
fn address(page: &Page) -> String {
    let form = page.attribute_of("form method=\"post\"", "action");
    let posted = form.filter(|action| !action.starts_with('/'));
    let left = page.location().map(str::to_owned).or(posted);
    left.unwrap_or_else(|| page.url.clone())
}

/// The name of a field and what is typed there. What is optional is left out where nobody can type it.
fn typed_into(page: &Page, command: &Value) -> Option<(String, String)> {
    let target = word(command, 2);
    let free = target.strip_prefix("//input[@id='");
    let free = free.and_then(|rest| rest.strip_suffix("' and not(@readonly)]"));
    let field = format!("id=\"{}\"", free.unwrap_or(target));
    let may_type = |tag: &&str| tag.contains(&field) && !tag.contains(" readonly");
    let Some(tag) = tags(&page.reply.text).find(may_type) else {
        assert!(free.is_some() && command[4] == "optional", "{target} in {page:?}");
        return None;
    };
    Some((attribute(tag, "name").expect("a name"), word(command, 3).to_owned()))
}
