//! Shapes of conditions, each of the maximum length.

/// The maximum length of a condition, in characters.
const LENGTH_MAX: usize = 1_000;

/// Repeats `part` as often as it fits, separated by `between`, with a beginning and an end.
fn filled(before: &str, part: &str, between: &str, behind: &str) -> String {
    let room = LENGTH_MAX - before.chars().count() - behind.chars().count();
    let count = (room + between.chars().count()) / (part.chars().count() + between.chars().count());
    format!("{before}{}{behind}", vec![part; count].join(between))
}

/// Returns `middle` wrapped in `open` and `close`, n times.
fn nested(before: &str, open: &str, middle: &str, close: &str, depth: usize, behind: &str) -> String {
    format!("{before}{}{middle}{}{behind}", open.repeat(depth), close.repeat(depth))
}

/// A text with the maximum number of repetitions.
const FIBONACCI: &str = "abaababaabaababaababaabaababaabaababaababaabaababaababaabaababaabaababaababaabaababaabaababaababaabaababaababaabaababaabaababaababaabaababaababa";

/// Returns a search for `part` in a literal text.
fn searched(text: &str, part: &str) -> String {
    filled("line.sku==''||", &format!("'{text}'.contains('{part}')"), "||", "")
}

/// All shapes, with their names.
pub(crate) fn all() -> Vec<(&'static str, String)> {
    let any = |part: &str| filled("", part, "||", "");
    vec![
        ("ordinary", "line.category == 'beans' && member.tier in ['gold', 'silver']".to_owned()),
        ("comparisons with a text", any("line.category=='beans'")),
        ("comparisons of two facts", any("line.sku==line.category")),
        ("orders of two facts", any("line.sku<line.category")),
        ("attributes compared", filled("line.sku==''||", "member.attributes.a==member.attributes.b", "||", "")),
        ("in written texts", filled("line.sku in [", "'a'", ",", "]")),
        ("in written numbers", filled("line.amount in [", "1", ",", "]")),
        ("in facts", filled("line.sku in [", "line.category", ",", "]")),
        ("in many short lists", any("line.sku in['a']")),
        ("in many lists of facts", any("1 in[line.amount]")),
        ("lists in lists", filled("[line.sku]in[", "[line.category]", ",", "]")),
        ("empty lists in a list", filled("[line.sku]in[", "[]", ",", "]")),
        ("lists of facts in a list", filled("1 in[", "[line.amount]", ",", "]")),
        ("equal lists", {
            let half = vec!["line.sku"; 54].join(",");
            format!("[{half}]==[{half}]")
        }),
        ("nested lists", nested("[1]==", "[", "line.sku", "]", 24, "")),
        ("sums", filled("line.amount+", "1", "+", "<0")),
        ("sums of facts", filled("", "line.amount", "+", "<0")),
        ("products", filled("line.amount*", "1", "*", "<0")),
        ("remainders", filled("line.amount%", "9", "%", "<0")),
        ("nested negations", nested("1==", "-(", "line.amount", ")", 24, "")),
        ("many nested negations", any("1==-(-(-(-(-(-(line.amount))))))")),
        ("nots", any("!!!!!!!!!!!!!!!!!!!!has(line.sku)")),
        ("presences", any("!has(line.sku)")),
        ("truths", filled("line.sku==''||", "false", "||", "")),
        ("choices", filled("", "line.sku==''?true:", "", "false")),
        ("written choices", filled("line.sku==''?true:", "false?true:", "", "false")),
        ("joins", filled("", "line.sku", "+", "==''")),
        ("joins of short texts", filled("line.sku+", "'a'", "+", "==''")),
        ("joins in brackets", filled("", &nested("", "line.sku+(", "line.sku", ")", 20, "==''"), "||", "")),
        ("many joins of two", any("line.sku+line.sku==''")),
        ("many joins of two short texts", filled("line.sku==''||", "'a'+'b'==''", "||", "")),
        (
            "joins of attributes",
            filled("line.sku==''||", &format!("{}==''", ["member.attributes.a"; 4].join("+")), "||", ""),
        ),
        ("joins searched", filled("(", "line.sku", "+", ").contains(line.category)")),
        ("searches", any("line.sku.contains(line.category)")),
        ("searches for short texts", any("line.sku.contains('a')")),
        ("searches for a wide character", any("line.sku.contains('\u{1f9e9}\u{1f9e9}')")),
        ("searches in the same", any("line.sku.contains(line.sku+'a')")),
        (
            "searches in written texts",
            filled("line.sku==''||", &format!("'{}b'.contains('{}c')", "a".repeat(150), "a".repeat(70)), "||", ""),
        ),
        ("searches for what repeats", searched(&"ab".repeat(90), &format!("{}bb", "ba".repeat(40)))),
        ("searches for what nearly repeats", searched(&"aab".repeat(60), &format!("{}aaa", "aab".repeat(20)))),
        (
            "searches for a late difference",
            searched(&"a".repeat(200), &format!("{}b{}", "a".repeat(30), "a".repeat(31))),
        ),
        (
            "searches with a difference",
            searched(&format!("{}b{}", "a".repeat(100), "a".repeat(100)), &format!("b{}b", "a".repeat(60))),
        ),
        (
            "searches for fibonacci",
            searched(FIBONACCI, &format!("{}a", FIBONACCI.chars().take(89).collect::<String>())),
        ),
        ("searches for few characters", searched(&"ab".repeat(120), "bb")),
        ("searches for wide characters", any("line.sku.contains('\u{1f9e8}\u{1f9e9}\u{1f9e8}')")),
        ("searches in joins", any("(line.sku+line.sku).contains('\u{1f9e9}\u{1f9e8}\u{1f9e9}')")),
        ("searches for an empty text", any("!line.sku.contains('')")),
        ("beginnings", any("line.sku.startsWith(line.category)")),
        ("ends", any("line.sku.endsWith(line.category)")),
        ("sizes", any("size(line.sku)<0")),
        ("sizes of joins", filled("size(", "line.sku", "+", ")<0")),
        ("sizes of lists", any("size([line.sku])<0")),
        ("numbers as texts", any("string(line.amount)==''")),
        ("numbers as texts and back", any("int(string(line.amount))<0")),
        ("texts as numbers", filled("line.sku==''||", &format!("int('{}1')<0", "0".repeat(80)), "||", "")),
        ("texts as truths", filled("line.sku==''||", "bool('0')", "||", "")),
        ("lists joined", filled("1 in [line.amount]+", "[1]", "+", "+[]")),
        ("empty lists joined", filled("1 in [line.amount]+", "[]", "+", "")),
        ("lists of facts joined", filled("1 in ", "[line.sku]", "+", "")),
        ("long lists joined", filled("1 in ", &format!("[{}line.sku]", "1,".repeat(20)), "+", "")),
        ("written lists joined", filled("[]==[line.sku]+", &format!("[{}1]", "'',".repeat(20)), "+", "")),
        ("joined lists in lists", filled("1 in [", "[line.sku]+[]", ",", "]")),
        ("lists joined in brackets", any(&nested("1 in ", "[1]+(", "[line.sku]", ")", 20, ""))),
        ("faults", filled("line.sku==''&&", "1/0==1", "&&", "")),
        ("faults in an or", any("line.sku/0==1")),
        ("nulls", filled("line.sku==''||", "null<null", "||", "")),
        ("moments", filled("line.sku==''||", "occurred_at.date==occurred_at.time", "||", "")),
    ]
}
