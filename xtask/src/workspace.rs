//! What `cargo metadata` says of our own packages.

use serde_json::Value;

use crate::shell::{self, Failure};

/// One of our packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) examples: Vec<Example>,
}

/// What it depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Only for its own tests and examples.
    pub(crate) dev: bool,
    /// Behind a feature.
    pub(crate) optional: bool,
}

/// A program that shows how it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Example {
    pub(crate) name: String,
    pub(crate) features: Vec<String>,
}

/// Reads them. Fails where `Cargo.lock` is not what the manifests ask for.
pub(crate) fn packages() -> Result<Vec<Package>, Failure> {
    let text = shell::output(shell::cargo(&["metadata", "--format-version=1", "--no-deps", "--locked"]))?;
    parse(&text).map_err(Into::into)
}

fn parse(text: &str) -> Result<Vec<Package>, String> {
    let metadata: Value = serde_json::from_str(text).map_err(|e| format!("cargo metadata: {e}"))?;
    let packages = list(&metadata, "packages").map(package).collect::<Vec<_>>();
    if packages.is_empty() { Err("cargo metadata names no package".into()) } else { Ok(packages) }
}

fn package(value: &Value) -> Package {
    let dependencies = list(value, "dependencies").map(|d| Dependency {
        name: text(d, "name"),
        dev: text(d, "kind") == "dev",
        optional: d["optional"] == true,
    });
    let examples =
        list(value, "targets").filter(|t| list(t, "kind").any(|k| k == "example")).map(|t| Example {
            name: text(t, "name"),
            features: list(t, "required-features").filter_map(Value::as_str).map(str::to_owned).collect(),
        });
    Package { name: text(value, "name"), dependencies: dependencies.collect(), examples: examples.collect() }
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_options_and_examples_are_read_from_the_metadata() {
        let packages = parse(
            r#"{"packages":[{"name":"a","dependencies":[
                {"name":"b","kind":null,"optional":true},{"name":"c","kind":"dev","optional":false}],
              "targets":[{"name":"a","kind":["lib"]},{"name":"whole","kind":["test"]},
                {"name":"show","kind":["example"],"required-features":["demo"]}]}]}"#,
        )
        .unwrap();
        let dependency = |name: &str, dev, optional| Dependency { name: name.into(), dev, optional };
        assert_eq!(
            packages,
            [Package {
                name: "a".into(),
                dependencies: vec![dependency("b", false, true), dependency("c", true, false)],
                examples: vec![Example { name: "show".into(), features: vec!["demo".into()] }],
            }]
        );
    }

    #[test]
    fn metadata_without_packages_is_an_error() {
        assert!(parse("{}").is_err());
        assert!(parse("not json").is_err());
    }
}
