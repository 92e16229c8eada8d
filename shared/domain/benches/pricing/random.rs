//! Random conditions, the same in each run.

/// The maximum length of a condition, in characters.
const LENGTH_MAX: usize = 1_000;

#[derive(Clone, Copy)]
enum Kind {
    Truth,
    Number,
    Text,
    List,
}

/// A linear congruential generator: the numbers need to be strange, not random.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        *choices.get(usize::try_from(self.below(u64::try_from(choices.len()).unwrap())).unwrap()).unwrap()
    }

    fn expression(&mut self, kind: Kind, depth: usize) -> String {
        if depth == 0 || self.below(8) == 0 {
            return self.leaf(kind).to_owned();
        }
        let depth = depth - 1;
        match (kind, self.below(6)) {
            (Kind::Truth, 0) => self.between(Kind::Number, &["<", "<=", "==", "!="], depth),
            (Kind::Truth, 1) => self.between(Kind::Text, &["<", ">=", "==", "!="], depth),
            (Kind::Truth, 2) => {
                let text = self.expression(Kind::Text, depth);
                let method = self.one_of(&["contains", "startsWith", "endsWith"]);
                format!("({text}).{method}({})", self.expression(Kind::Text, depth))
            }
            (Kind::Truth, 3) => {
                let needle = self.one_of(&[Kind::Number, Kind::Text, Kind::List, Kind::Truth]);
                format!("({} in {})", self.expression(needle, depth), self.expression(Kind::List, depth))
            }
            (Kind::Truth, 4) => format!("!({})", self.between(Kind::List, &["==", "!="], depth)),
            (Kind::Number, 0) => format!("size({})", self.expression(Kind::Text, depth)),
            (Kind::Number, 1) => format!("size({})", self.expression(Kind::List, depth)),
            (Kind::Number, 2) => format!("int(string({}))", self.expression(Kind::Number, depth)),
            (Kind::Number, 3) => format!("-{}", self.expression(Kind::Number, 0)),
            (Kind::Number, 4) => self.between(Kind::Number, &["+", "-", "*", "/", "%"], depth),
            (Kind::Text, 0) => format!("string({})", self.expression(Kind::Number, depth)),
            (Kind::Text | Kind::List, 1..=3) => self.between(kind, &["+"], depth),
            (Kind::List, 0 | 4) => {
                let kind = self.one_of(&[Kind::Number, Kind::Text, Kind::List, Kind::Truth]);
                let items: Vec<_> = (0..=self.below(6)).map(|_| self.expression(kind, depth)).collect();
                format!("[{}]", items.join(","))
            }
            _ => {
                let condition = self.expression(Kind::Truth, depth);
                format!("({condition}?{}:{})", self.expression(kind, depth), self.expression(kind, depth))
            }
        }
    }

    fn between(&mut self, kind: Kind, operators: &[&str], depth: usize) -> String {
        let left = self.expression(kind, depth);
        let operator = self.one_of(operators);
        format!("({left}{operator}{})", self.expression(kind, depth))
    }

    fn leaf(&mut self, kind: Kind) -> &'static str {
        match kind {
            Kind::Truth => self.one_of(&["true", "false", "member.attributes.t", "has(line.sku)", "null"]),
            Kind::Number => {
                self.one_of(&["1", "line.amount", "line.quantity", "purchase.total", "purchase.items", "0"])
            }
            Kind::Text => {
                self.one_of(&["line.sku", "line.category", "member.attributes.a", "member.attributes.b", "'a'", "''"])
            }
            Kind::List => self.one_of(&["[]", "[1,2,3]", "['a','b']", "[line.sku]", "[[],[]]"]),
        }
    }
}

/// Returns `count` conditions on lines, each within the limits of length and nesting.
pub(crate) fn conditions(count: usize) -> impl Iterator<Item = String> {
    let mut dice = Dice(2_026);
    std::iter::from_fn(move || {
        let mut whole = "line.sku==''".to_owned();
        loop {
            let depth = usize::try_from(1 + dice.below(9)).unwrap();
            let part = dice.expression(Kind::Truth, depth);
            if whole.len() + part.len() + 2 > LENGTH_MAX || part.len() > 900 {
                if whole.len() > LENGTH_MAX / 2 {
                    return Some(whole);
                }
                continue;
            }
            whole = format!("{whole}||{part}");
        }
    })
    .take(count)
}
