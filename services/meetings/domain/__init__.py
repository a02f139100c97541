"""Pure decisions of the meetings service: no input, no output, no clock.

`profile` is what a municipality decides, `arena` and `meeting` are the aggregates, `agenda` decides on a meeting's items,
`holding` on what happened in it, `modes` how a child may be spoken of, `projection` what the consents say, `linter` whether a
text is free of persons, `calling` whether a meeting may be called.
"""
