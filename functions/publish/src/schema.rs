//! The JSON Schema of each type of event, made from the types that write its data.

use schemars::{Schema, generate::SchemaSettings};
use serde_json::json;

use crate::{
    event::{EntryData, VersionData, schema_name},
    event_type::EventType,
};

impl EventType {
    /// Returns the JSON Schema of the `data` of events of this type. Its `$id` is the `dataschema` of the events.
    ///
    /// A schema allows fields that it does not name, because later releases may add some.
    #[must_use]
    pub fn data_schema(self) -> Schema {
        let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let mut schema = if self == Self::ProgramPublished {
            generator.into_root_schema_for::<VersionData>()
        } else {
            generator.into_root_schema_for::<EntryData>()
        };
        schema.insert("$id".to_owned(), schema_name(self).into());
        schema.insert("title".to_owned(), self.name().into());
        if let Some(kind) = schema.pointer_mut("/properties/kind") {
            *kind = json!({ "description": "The kind of the entry.", "enum": self.kinds() });
        }
        schema
    }
}

/// Returns the text of a schema as its file has it.
#[cfg(test)]
fn schema_text(schema: &Schema) -> String {
    format!("{:#}\n", schema.as_value())
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, env, fs, path::Path};

    use super::*;

    /// After an intended change, `UPDATE_SCHEMAS=1 cargo test -p regulars-publish schema` writes the files again.
    #[test]
    fn the_files_of_the_schemas_are_made_from_the_code() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/schemas");
        let updates = env::var_os("UPDATE_SCHEMAS").is_some();
        let mut expected = BTreeSet::new();
        for kind in EventType::ALL {
            let name = format!("{}.json", kind.name());
            let text = schema_text(&kind.data_schema());
            if updates {
                fs::write(folder.join(&name), &text).unwrap();
            }
            let kept = fs::read_to_string(folder.join(&name)).unwrap_or_default();
            assert_eq!(kept, text, "events/schemas/{name} is not what the code makes");
            expected.insert(name);
        }
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        assert_eq!(files.collect::<BTreeSet<_>>(), expected);
    }
}
