"""Language models behind one contract (types.Engine): llama_cpp, openai, echo."""
