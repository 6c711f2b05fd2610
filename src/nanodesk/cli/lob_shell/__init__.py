"""The command language of ``lob``: words to commands, commands to answers, and the prompt."""
