"""What `import ecg_stream` gives beside the messages and the pipeline: whole recordings classified, read and scored.

Nothing here prints, exits or draws. The root package names all of it and imports it when it is asked for.
"""
