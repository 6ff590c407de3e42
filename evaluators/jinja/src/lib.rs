//! A template engine with conditions, loops, filters and macros: takes a prompt in Jinja's syntax and values, gives the
//! text. A value that looks like a template stays as it is, nothing is escaped, and a name without a value is an error
//! unless the template asks whether it is there. Loads no other templates.

mod value;

use std::collections::BTreeSet;

use arena_guest::prelude::*;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Template, UndefinedBehavior};

/// Renders Jinja templates.
#[template_engine(name = "jinja")]
mod engine {
    use super::*;
    use serde_json::{Map, Value};

    /// Names that the template reads and does not set itself, those it only asks about included.
    pub fn variables(template: &str) -> Result<Vec<String>, TemplateError> {
        let environment = environment()?;
        let template = environment.template_from_str(template).map_err(|error| explain(&error))?;
        Ok(names(&environment, &template, false).into_iter().collect())
    }

    /// Truth, nothing and lists read as in Python; a newline at the end stays, as in a prompt that is no template.
    pub fn render(template: &str, variables: &Map<String, Value>) -> Result<String, TemplateError> {
        let environment = environment()?;
        let template = environment.template_from_str(template).map_err(|error| explain(&error))?;
        template.render(value::of_map(variables)).map_err(|error| {
            let names = if error.kind() == ErrorKind::UndefinedError {
                names(&environment, &template, true)
            } else {
                BTreeSet::new()
            };
            let missing: BTreeSet<_> = names.iter().filter_map(|name| value::missing(name, variables)).collect();
            if missing.is_empty() {
                return explain(&error);
            }
            TemplateError::Unresolved(missing.into_iter().map(str::to_owned).collect())
        })
    }
}

fn environment<'t>() -> Result<Environment<'t>, TemplateError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment
        .set_syntax(SyntaxConfig::builder().keep_trailing_newline(true).build().map_err(|error| explain(&error))?);
    Ok(environment)
}

/// Names that the template reads and does not set itself, sorted; with `paths` as `user.name` where it reads these.
fn names(environment: &Environment<'_>, template: &Template<'_, '_>, paths: bool) -> BTreeSet<String> {
    let given: BTreeSet<_> = environment.globals().map(|(name, _)| name).collect();
    let read = template.undeclared_variables(paths).into_iter();
    read.filter(|name| !given.contains(name.split('.').next().unwrap_or_default())).collect()
}

fn explain(error: &Error) -> TemplateError {
    let place = error.line().map_or_else(String::new, |line| format!("line {line}: "));
    let text = match error.detail() {
        Some(detail) => format!("{place}{}: {detail}", error.kind()),
        None => format!("{place}{}", error.kind()),
    };
    match error.kind() {
        ErrorKind::SyntaxError | ErrorKind::BadEscape => TemplateError::Syntax(text),
        _ => TemplateError::Other(text),
    }
}
