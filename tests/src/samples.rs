//! The sample events of the routes, each with the answer that the tests expect.

use std::{fs, path::Path, sync::LazyLock};

use serde_json::Value;

/// A sample event of a route that succeeds.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The event, as API Gateway sends it.
    pub event: Value,
    /// The answer: its `status`, its `headers` and its `body`.
    pub answer: Value,
}

/// The samples that succeed, by the names of their files.
static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &Path| -> Option<Value> { serde_json::from_str(&fs::read_to_string(path).ok()?).ok() };
    let mut files: Vec<_> =
        fs::read_dir(root.join("../events")).into_iter().flatten().filter_map(|file| Some(file.ok()?.path())).collect();
    files.sort();
    let samples = files.iter().filter_map(|file| {
        let event = read(file)?;
        let mut answer = read(&root.join("snapshots/events").join(file.file_name()?))?;
        unmask(&mut answer);
        let succeeds = answer["status"].as_u64().is_some_and(|status| (200..300).contains(&status));
        succeeds.then_some(Sample { event, answer })
    });
    samples.collect()
});

impl Sample {
    /// Returns the first sample of the route; `None` if no sample of it succeeds.
    #[must_use]
    pub fn of_route(method: &str, path: &str) -> Option<&'static Self> {
        let route = format!("{} {path}", method.to_uppercase());
        SAMPLES.iter().find(|sample| sample.event["routeKey"] == route)
    }

    /// Returns the JSON body of the request, if it has one.
    #[must_use]
    pub fn request_body(&self) -> Option<Value> {
        serde_json::from_str(self.event["body"].as_str()?).ok()
    }
}

/// Puts digits in the places of hashes, which the kept answers leave out.
fn unmask(value: &mut Value) {
    match value {
        Value::String(text) if text.contains("hexadecimal digits") => {
            let digits = |text: &str, count: usize| {
                text.replace(&format!("{count} hexadecimal digits"), &"9f".repeat(count / 2))
            };
            *text = digits(&digits(text, 64), 32);
        }
        Value::Array(values) => values.iter_mut().for_each(unmask),
        Value::Object(fields) => fields.values_mut().for_each(unmask),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
