"""*Why can't I?* and *Why can they?*: the decision, taken apart, and the least change that would allow it (DOMAIN §14).

The decision is that of `access.decide`, the same code that enforces. `facts` are what it rests on, `ways` the paths
that exist or could, each with its conditions, `changes` what would meet them, `answer` the whole as pages show it,
`refusal` what refused pages and disabled buttons say.
"""

from portal.why.answer import Explanation as Explanation
from portal.why.answer import explain as explain
from portal.why.changes import Act as Act
from portal.why.changes import Change as Change
from portal.why.facts import Facts as Facts
from portal.why.refusal import Refusal as Refusal
from portal.why.refusal import missing as missing
from portal.why.refusal import refusal as refusal
from portal.why.ways import Condition as Condition
from portal.why.ways import Way as Way
