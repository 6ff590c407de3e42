//! Attack: imports a function that starts programs, which no host offers. Takes a command, gives its exit status.

use arena_guest::prelude::*;

#[allow(unsafe_code, missing_docs, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package evil:sys;
            interface exec { run: func(command: string) -> s32; }
            world imports { import exec; }
        ",
        generate_all,
    });
}

#[derive(Deserialize, Params)]
struct Command {
    /// What to run.
    command: String,
}

/// Passes if the command succeeds.
#[evaluator(name = "undeclared-import")]
fn undeclared_import(_: &Subject<'_>, params: Command) -> Result<Verdict, CheckError> {
    let status = bindings::evil::sys::exec::run(&params.command);
    Ok(Verdict::pass(format!("exit status {status}")).passed(status == 0))
}
