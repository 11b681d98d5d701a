// SPDX-License-Identifier: Apache-2.0
// Sends the answer to the application; without scripts the person presses the button.
document.getElementById('form-post').submit();
