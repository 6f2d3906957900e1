//! The letter that stands for an app or a person without a picture.

/// The first letter or digit of a name, as a capital.
pub(super) fn initial(name: &str) -> String {
    let letter = name.chars().find(|c| c.is_alphanumeric());
    letter.map_or_else(|| "·".to_owned(), |letter| letter.to_uppercase().collect())
}
