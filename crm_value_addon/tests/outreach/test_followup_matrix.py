from freezegun import freeze_time

from ...models.followups.actions import ACTIONS
from .common import TODAY
from .matrix import FollowupMatrixCase


@freeze_time(TODAY)
class TestFollowupMatrix(FollowupMatrixCase):
    def test_every_reason_with_every_action(self):
        self.check_every_reason(*ACTIONS)
