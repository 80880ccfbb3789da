"""Who owes whom: the cut, the nets, on which chain each claim lies, and what netting saved."""
