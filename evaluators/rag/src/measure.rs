//! What the judge is told to do for each check.

/// One measure: the task as a sentence, and the criteria unless the user gives others.
#[derive(Clone, Copy)]
pub struct Measure {
    pub task: &'static str,
    pub criteria: &'static str,
}

pub const FAITHFULNESS: Measure = Measure {
    task: "Judge how far the context below bears out the reply.",
    criteria: "Go through the claims of fact in the reply. The score is the share of them that the context supports. A \
               claim that the context contradicts or does not mention is unsupported, even if you know it to be true. A \
               reply without any claim of fact, such as a refusal, scores 1.",
};

pub const HALLUCINATION: Measure = Measure {
    task: "Judge how free the reply below is of invention, by the context.",
    criteria: "Look for statements of the reply that contradict the context, and for details that have no basis in it: \
               names, numbers, events, sources. The score is 1 if there are none and falls with their share of all \
               statements, to 0 if every statement is of that kind.",
};

pub const ANSWER_RELEVANCY: Measure = Measure {
    task: "Judge how well the reply below keeps to the question.",
    criteria: "The score is 1 if the reply answers all of the question and nothing else, 0 if it does not speak to the \
               question at all. Parts of the question left open, digressions and padding lower it by the share they \
               take. Whether the reply is true does not matter here.",
};

pub const PRECISION: Measure = Measure {
    task: "Judge which of the retrieved chunks below help to answer the question.",
    criteria: "Decide for each chunk on its own whether it helps to answer the question. The score is the number of \
               chunks that help, divided by the number of all chunks.",
};

pub const RELEVANCY: Measure = Measure {
    task: "Judge how much of the retrieved chunks below bears on the question.",
    criteria: "Go through the statements in all chunks. The score is the share of statements that bear on the question. \
               Statements beside the point count against it in a chunk that helps as well.",
};

pub const RECALL: Measure = Measure {
    task: "Judge how much of the reference answer can be had from the retrieved chunks below.",
    criteria: "Go through the statements of the reference answer. The score is the share of them that follow from the \
               chunks. What the chunks say beyond that does not matter, nor does what you know yourself.",
};
