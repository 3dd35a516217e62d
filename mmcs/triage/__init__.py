"""The learned fusion: what was written, said and shown, as features, through one of three nets, to
category, urgency and sentiment with their chances.

    features    one ticket's vectors, and many tickets' as one table with masks
    gather      a ticket and its evidence to features, each kept by the hash of its content
    labelled    tickets with labels, one JSON object a line
    nets        early, intermediate and late fusion
    checkpoint  a trained net with its scales, labels and temperatures in one safetensors file
    judge       what a checkpoint says of tickets
"""
