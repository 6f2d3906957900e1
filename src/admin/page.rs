//! Lists that are read page by page.

/// The page of what was found, of which one more was read than it has room for, and what the next page
/// begins after, if there is one.
pub(super) fn page_of<T>(
    mut found: Vec<T>,
    limit: u64,
    key: impl Fn(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| is_more).map(key);
    (found, next)
}
