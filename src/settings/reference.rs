//! The reference of all settings, for `docs/settings.md`.

use std::fmt::Write;

use super::declared::Declared;
use super::table::{KeyType, Table, TableKey};
use super::value_type::{self, NUMBER};

const TOP: &str = "\
<!-- Made from the declarations in the source by `mapae config reference`: change it there. -->

# Settings

A TOML file (`--config FILE` or `MAPAE_CONFIG`), then the environment, then flags; the later one wins. Each setting has a path in the file and a name in the environment: `token.access_lifetime` is the key `access_lifetime` in the table `[token]`, and `MAPAE_TOKEN_ACCESS_LIFETIME`. An empty value in the environment is no value. A list is written with commas there.

`mapae config check` reports every problem at once, also those inside certificates, keys and the branding folder, with the file and the line or the name in the environment. `mapae config show` prints what is in force and where it comes from, without secrets. An unknown key in the file is an error; an unknown `MAPAE_…` name in the environment is a warning, because platforms inject names.

**In an editor**: [settings.schema.json](settings.schema.json) is a JSON Schema (`mapae config schema` prints the one of your version). Editors that know TOML complete keys and mark mistakes when the first line of the file names it:

```toml
#:schema ./settings.schema.json
issuer = \"https://id.example.com\"

[token]
access_lifetime = \"5m\"
```

A **duration** is a whole number and `s`, `m`, `h` or `d`; without a letter it is seconds.
";

/// The whole page.
#[must_use]
pub fn markdown(declared: &[Declared], tables: &[Table]) -> String {
    let mut page = TOP.to_owned();
    let mut sections: Vec<&str> = Vec::new();
    let titles = declared.iter().map(|one| one.section).chain(tables.iter().map(|one| one.section));
    for title in titles {
        if !sections.contains(&title) {
            sections.push(title);
        }
    }
    for title in sections {
        let _ = write!(page, "\n## {title}\n");
        let mut rows = declared.iter().filter(|one| one.section == title).peekable();
        if rows.peek().is_some() {
            page.push_str("\n| setting | value | default | meaning |\n|---|---|---|---|\n");
        }
        for one in rows {
            page.push_str(&row(one));
        }
        for table in tables.iter().filter(|one| one.section == title) {
            let _ = write!(page, "\n{}\n", table.words);
            page.push_str("\n| key | value | meaning |\n|---|---|---|\n");
            keys(&mut page, "", &table.keys);
        }
    }
    page
}

fn row(one: &Declared) -> String {
    let mut names = format!("`{}`", one.path);
    for alias in one.aliases {
        let _ = write!(names, "<br>or `{alias}`");
    }
    let _ = write!(names, "<br>`{}`", one.env);
    let mut words = one.words.clone();
    if !one.common_env.is_empty() {
        let known: Vec<_> = one.common_env.iter().map(|name| format!("`{name}`")).collect();
        let _ = write!(words, " Where it is not given, the first of {} counts.", known.join(", "));
    }
    if one.secret {
        words.push_str(" What is secret in it is never printed.");
    }
    // A default that is described in words contains spaces.
    let default = match &one.default {
        Some(default) if default.contains(' ') => default.clone(),
        Some(default) => format!("`{default}`"),
        None => "none".to_owned(),
    };
    format!("| {names} | {} | {default} | {} |\n", cell(&value(one)), cell(&words))
}

fn value(one: &Declared) -> String {
    let form = value_type::words(&one.form);
    match one.unit {
        Some(unit) if form.starts_with(NUMBER) => {
            form.replacen(NUMBER, &format!("{NUMBER} of {unit}"), 1)
        }
        Some(unit) => format!("{form} {unit}"),
        None => form,
    }
}

/// The text as a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn keys(page: &mut String, prefix: &str, of: &[TableKey]) {
    for key in of {
        let form = match &key.form {
            KeyType::Text => "text".to_owned(),
            KeyType::OneOf(known) => {
                known.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ")
            }
            KeyType::Path => "path of a file".to_owned(),
            KeyType::Flag => "`true` or `false`".to_owned(),
            KeyType::Texts => "list of texts".to_owned(),
            KeyType::ByLanguage => "table of texts by language".to_owned(),
            KeyType::Tables(_) => "tables".to_owned(),
        };
        let needed = if key.required { "; needed" } else { "" };
        let name = format!("{prefix}{}", key.name);
        let _ = writeln!(page, "| `{name}` | {form}{needed} | {} |", cell(&key.words));
        if let KeyType::Tables(inner) = &key.form {
            keys(page, &format!("{name}."), inner);
        }
    }
}
