//! The marks, and which attribute of which item may contain each mark.

/// A personal attribute of a member.
pub(super) const NICKNAME: &str = "canary-nickname";
/// A personal attribute that is a number.
pub(super) const PIN: i64 = 7_330_733;
/// A note of an operator next to an entry.
pub(super) const NOTE: &str = "canary-note";
/// Facts of a purchase: items, channel, the shop's own.
pub(super) const SHOP: &str = "canary-shop";
/// Facts of an activity.
pub(super) const ACTIVITY: &str = "canary-activity";
/// Aliases of a member.
pub(super) const EMAIL: &str = "Canary-Mail@Example.com";
pub(super) const PHONE: &str = "+49 15550733733";
pub(super) const CARD: &str = "canary-card";
/// Personal data in a place where none belongs. It is not an id, a date or a number.
pub(super) const STRAY: &str = "canary-stray@example.com é";

/// The members of the marks. The log names none of them.
pub(super) const OWNERS: [&str; 7] =
    ["kanarya-1", "kanarya-2", "kanarya-3", "kanarya-4", "kanarya-5", "kanarya-6", "kanarya-7"];

/// A mark in lower case, and the attributes that may contain it: the kind of item, and the attribute's name.
type Row = (&'static str, &'static [(&'static str, &'static str)]);

/// Where each mark may be stored. Any other place is a leak.
const ROWS: [Row; 14] = [
    ("canary-nickname", &[("account", "a")]),
    ("7330733", &[("account", "a")]),
    ("1971-02-13", &[("account", "a")]),
    ("19710213", &[("account", "a")]),
    // An attribute that is not personal is stored with the purchases whose conditions read it.
    ("canary-city", &[("account", "a"), ("entry", "f")]),
    ("canary-note", &[("entry", "nt")]),
    ("canary-shop", &[("entry", "f")]),
    ("canary-activity", &[]),
    ("canary-mail", &[]),
    ("15550733733", &[]),
    ("canary-card", &[]),
    // The caller: the token, its subject and its e-mail, and the address of the request.
    ("canary-token", &[]),
    ("canary-caller", &[]),
    ("canary-stray", &[]),
];

/// The members of an answer about the member that may contain marks.
pub(super) const SHOWN: [&str; 3] = ["attributes", "note", "purchase"];

/// Returns the marks in `text`, in any case.
pub(super) fn found(text: &str) -> impl Iterator<Item = &'static str> {
    let text = text.to_lowercase();
    ROWS.into_iter().map(|(mark, _)| mark).filter(move |mark| text.contains(mark))
}

/// Returns whether the attribute `name` of an item of this kind may contain `mark`.
pub(super) fn is_kept_in(mark: &str, kind: &str, name: &str) -> bool {
    ROWS.iter().any(|(known, places)| *known == mark && places.contains(&(kind, name)))
}
