"""What beats and signal add up to: rhythms that begin and end.

    limits       the one table of limits
    rule         what a rule is: beats, events, samples and time in, findings out
    rules        the rules by name, in the order in which they are asked
    precedence   which rhythm is not told beside which
    table        the rhythms in words, and their WFDB marks
    stage        runs all rules behind the labels of a stream

Each rule has a file of its own.
"""
