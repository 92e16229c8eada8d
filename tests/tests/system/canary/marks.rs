//! What is marked, and which attribute of which item may hold each mark.

/// A personal attribute of a member.
pub(super) const NICKNAME: &str = "canary-nickname";
/// A personal attribute that is a number.
pub(super) const PIN: i64 = 7_330_733;
/// What an operator writes beside an entry.
pub(super) const NOTE: &str = "canary-note";
/// What a shop says of a purchase: items, channel, facts of its own.
pub(super) const SHOP: &str = "canary-shop";
/// What is said of an activity.
pub(super) const ACTIVITY: &str = "canary-activity";
/// Other names of a member.
pub(super) const EMAIL: &str = "Canary-Mail@Example.com";
pub(super) const PHONE: &str = "+49 15550733733";
pub(super) const CARD: &str = "canary-card";
/// Personal data where there should be none. It is no id, no date, no number.
pub(super) const STRAY: &str = "canary-stray@example.com é";

/// The members whom the marks are about. What is logged names none of them.
pub(super) const OWNERS: [&str; 7] =
    ["kanarya-1", "kanarya-2", "kanarya-3", "kanarya-4", "kanarya-5", "kanarya-6", "kanarya-7"];

/// A mark as it is found in lower case, and the attributes that may hold it: the kind of item, and the attribute's name.
type Row = (&'static str, &'static [(&'static str, &'static str)]);

/// Where each mark may be kept. What the table of marks does not allow is a leak.
const ROWS: [Row; 14] = [
    ("canary-nickname", &[("account", "a")]),
    ("7330733", &[("account", "a")]),
    ("1971-02-13", &[("account", "a")]),
    ("19710213", &[("account", "a")]),
    // An attribute that is not personal is kept with the purchases whose conditions read it.
    ("canary-city", &[("account", "a"), ("entry", "f")]),
    ("canary-note", &[("entry", "nt")]),
    ("canary-shop", &[("entry", "f")]),
    ("canary-activity", &[]),
    ("canary-mail", &[]),
    ("15550733733", &[]),
    ("canary-card", &[]),
    // Who calls: the token, its subject and its e-mail, and where the request came from.
    ("canary-token", &[]),
    ("canary-caller", &[]),
    ("canary-stray", &[]),
];

/// What an answer about the member may hold marks in.
pub(super) const SHOWN: [&str; 3] = ["attributes", "note", "purchase"];

/// The marks that `text` holds, in whatever case.
pub(super) fn found(text: &str) -> impl Iterator<Item = &'static str> {
    let text = text.to_lowercase();
    ROWS.into_iter().map(|(mark, _)| mark).filter(move |mark| text.contains(mark))
}

/// Whether the attribute `name` of an item of this kind may hold `mark`.
pub(super) fn is_kept_in(mark: &str, kind: &str, name: &str) -> bool {
    ROWS.iter().any(|(known, places)| *known == mark && places.contains(&(kind, name)))
}
