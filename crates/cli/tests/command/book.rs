//! The book's page of the command line and the command itself name the same commands.

use std::collections::BTreeSet;

use crate::world::World;

/// The commands below these words, by the help that they print.
fn commands(world: &World, words: &[&str]) -> BTreeSet<String> {
    let ended = world.run(&[words, &["--help"]].concat());
    assert_eq!(ended.code, 0, "{}", ended.err);
    let list = ended.out.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = list.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.map(|name| [words, &[name]].concat().join(" ")).collect()
}

#[test]
fn every_command_of_the_help_is_in_the_book_and_the_other_way_round() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
    let page = std::fs::read_to_string(path).unwrap();
    let table: Vec<&str> = page.lines().filter(|line| line.starts_with("| `renewd ")).collect();
    let world = World::new();
    let top = commands(&world, &[]);
    assert!(top.contains("token") && top.len() > 10, "{top:?}");
    let mut known = top.clone();
    for name in &top {
        known.extend(commands(&world, &[name]));
    }
    for name in &known {
        let named = table.iter().any(|row| {
            row.contains(&format!("`renewd {name}`")) || row.contains(&format!("`renewd {name} "))
        });
        assert!(named, "docs/cli.md has no row that names `renewd {name}`");
    }
    for row in table {
        for span in row.split('`').filter_map(|span| span.strip_prefix("renewd ")) {
            let first = span.split(' ').next().unwrap_or_default();
            assert!(top.contains(first), "docs/cli.md tells of `renewd {span}`, which is not there");
        }
    }
}
