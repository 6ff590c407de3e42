//! The engine that reshapes JSON for tools: takes a JMESPath expression and a value, gives what the expression selects,
//! as JSON. Nothing is read but the value.

use arena_guest::prelude::*;

/// Evaluates a JMESPath expression over the variable `value`.
#[template_engine(name = "jmespath")]
mod engine {
    use super::*;
    use serde_json::{Map, Value};

    /// None: an expression has no names of variables. It is compiled all the same.
    pub fn variables(expression: &str) -> Result<Vec<String>, TemplateError> {
        compile(expression).map(|_| Vec::new())
    }

    /// The result as JSON; what selects nothing is `null`.
    pub fn render(expression: &str, variables: &Map<String, Value>) -> Result<String, TemplateError> {
        let value = variables.get("value").unwrap_or(&Value::Null);
        let result = compile(expression)?.search(value).map_err(|error| TemplateError::Other(first_line(&error)))?;
        serde_json::to_string(&*result).map_err(|error| TemplateError::Other(error.to_string()))
    }
}

fn compile(expression: &str) -> Result<jmespath::Expression<'static>, TemplateError> {
    jmespath::compile(expression).map_err(|error| {
        let shown = excerpt(expression, 80);
        TemplateError::Syntax(format!("{shown} is not JMESPath: {}", first_line(&error)))
    })
}

/// The rest of the text draws the expression once more.
fn first_line(error: &jmespath::JmespathError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
