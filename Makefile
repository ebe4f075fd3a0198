# Everything is in ./dev; this is for those who like make: make test ARGS="-k inbox"
COMMANDS = setup run test test-full check bench lock clean help

.DEFAULT_GOAL = help
.PHONY: $(COMMANDS)
$(COMMANDS):
	@./dev $@ $(ARGS)
