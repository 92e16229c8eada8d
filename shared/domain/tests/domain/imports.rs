//! Imports within the domain: the wings in one direction only, and no cycles of files. `--nocapture` prints the list.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use crate::absences::visit;

/// The wings of `src`, each of which imports only from those before it.
const WINGS: [&str; 9] = ["values", "state", "ledger", "rules", "tier", "draft", "time", "decisions", "audit"];

type Imports = BTreeMap<String, BTreeSet<String>>;

/// Returns the paths in `tree`, such as `a::{b, c::{d, e}}`.
fn paths(tree: &str) -> Vec<String> {
    let Some(open) = tree.find('{') else { return vec![tree.trim().to_owned()] };
    let (prefix, list) = (tree[..open].trim(), &tree[open + 1..tree.rfind('}').unwrap()]);
    let mut depth = 0;
    let is_end = |character: char| {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    };
    let parts = list.split(is_end).map(str::trim).filter(|part| !part.is_empty());
    parts.flat_map(paths).map(|path| format!("{prefix}{path}")).collect()
}

/// Returns the paths after `crate::` and `super::` in the code of the module `own`.
fn named(own: &str, source: &str) -> Vec<String> {
    let lines = source.lines().map(str::trim).take_while(|line| *line != "mod tests {");
    let code: String = lines.filter(|line| !line.starts_with("//")).collect::<Vec<_>>().join(" ");
    let above = own.rsplit_once("::").map_or(String::new(), |(above, _)| format!("{above}::"));
    let starts = code.match_indices("crate::").map(|(at, word)| (at, word, String::new()));
    let starts = starts.chain(code.match_indices("super::").map(|(at, word)| (at, word, above.clone())));
    let mut named = Vec::new();
    for (at, word, prefix) in starts {
        let is_use = code[..at].trim_end().ends_with("use");
        let rest = &code[at + word.len()..];
        let of_path = |character: char| character.is_alphanumeric() || "_:".contains(character);
        let end = if is_use { rest.find(';') } else { rest.find(|character| !of_path(character)) };
        named.extend(paths(&rest[..end.unwrap()]).into_iter().map(|path| format!("{prefix}{path}")));
    }
    named
}

/// Returns the module of a file: `rules::program` for `rules/program/mod.rs`.
fn module(path: &Path) -> String {
    let path = path.with_extension("");
    let path = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let path = path.to_string_lossy().replace('/', "::");
    path.strip_suffix("::mod").map(str::to_owned).unwrap_or(path)
}

/// Returns the file of `files` that contains `path`, or is named by it.
fn file_of<'a>(files: &'a Imports, path: &str) -> Option<&'a String> {
    let ends = path.match_indices("::").map(|(end, _)| end).chain([path.len()]);
    ends.collect::<Vec<_>>().into_iter().rev().find_map(|end| Some(files.get_key_value(&path[..end])?.0))
}

fn imports() -> Imports {
    let mut named_by = BTreeMap::new();
    visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut |path, source| {
        named_by.insert(module(path), named(&module(path), source));
    });
    // The root re-exports every public module, and imports nothing.
    named_by.remove("lib");
    let files: Imports = named_by.keys().map(|file| (file.clone(), BTreeSet::new())).collect();
    let of_file = |(file, paths): (String, Vec<String>)| {
        let imported = paths.iter().filter_map(|path| file_of(&files, path)).filter(|imported| **imported != file);
        let imported = imported.cloned().collect();
        (file, imported)
    };
    named_by.into_iter().map(of_file).collect()
}

/// Removes files without imports of remaining files, repeatedly: cycles and what imports them remain.
fn rings(mut imports: Imports) -> Imports {
    loop {
        let free = imports.iter().find(|(_, imported)| imported.iter().all(|file| !imports.contains_key(file)));
        let Some(free) = free.map(|(file, _)| file.clone()) else { return imports };
        imports.remove(&free);
    }
}

#[test]
fn the_wings_of_the_domain_import_one_way() {
    let wing = |file: &str| file.split("::").next().unwrap().to_owned();
    let place = |file: &str| {
        let place = WINGS.iter().position(|known| *known == wing(file));
        place.unwrap_or_else(|| panic!("{file} is in no wing"))
    };
    let mut wings = Imports::new();
    for (file, imported) in imports() {
        for other in imported {
            assert!(place(&other) <= place(&file), "{file} imports {other}, which is in a later wing");
            wings.entry(wing(&file)).or_default().extend((wing(&file) != wing(&other)).then(|| wing(&other)));
        }
    }
    for name in WINGS {
        let imported: Vec<_> = wings[name].iter().cloned().collect();
        println!("{name} imports {}", if imported.is_empty() { "nothing".to_owned() } else { imported.join(", ") });
    }
    assert_eq!(wings["values"], BTreeSet::new());
    assert!(wings["decisions"].contains("time"), "the search finds imports");
}

#[test]
fn no_files_of_the_domain_import_each_other_in_a_ring() {
    assert_eq!(rings(imports()), Imports::new());
}

#[test]
fn the_search_for_rings_would_find_one() {
    let named = |source: &str| named("rules::plans", source);
    assert_eq!(
        named("use crate::{\n    a::{B, c::{self, D}},\n    e,\n};\nuse std::fmt;"),
        ["a::B", "a::c::self", "a::c::D", "e"]
    );
    assert_eq!(named("use super::tiers::{A, B};"), ["rules::tiers::A", "rules::tiers::B"]);
    assert_eq!(named("// crate::a\nlet a = crate::b::C::new();"), ["b::C::new"]);
    let of = |pairs: &[(&str, &str)]| -> Imports {
        let mut imports = Imports::new();
        for (file, imported) in pairs {
            imports.entry((*file).to_owned()).or_default().insert((*imported).to_owned());
            imports.entry((*imported).to_owned()).or_default();
        }
        imports
    };
    assert_eq!(rings(of(&[("a", "b"), ("b", "c"), ("a", "c")])), Imports::new());
    let ring = rings(of(&[("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")]));
    assert_eq!(ring.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
}
